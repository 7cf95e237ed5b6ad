import { expect } from '@jest/globals';
import type { LabHost } from './lab-host.js';

/** Something that stands on a disk of the host and would be lost with it. */
export interface Use {
  /** Of everything that was written, read anew from the disk. */
  checksum(): Promise<string>;
  /** It can still be written to, and the kernel has met no error of it. */
  stillWorks(): Promise<void>;
  end(): Promise<void>;
}

/** Ways in which a host uses an NVMe disk; each begins when it is called. */
export function onDisk(
  host: LabHost,
  address: string,
): Record<'mount' | 'swap' | 'lvm' | 'md', () => Promise<Use>> {
  const errors = (): Promise<string> => host.run(`dmesg | grep -c -e 'I/O error' -e 'EXT4-fs error' || true`);

  async function filesystem(disk: string, undo: string): Promise<Use> {
    const before = await errors();
    await host.run(`mkdir -p /mnt/ledger && mount ${disk} /mnt/ledger`);
    await host.run('seq 1 50000 > /mnt/ledger/calls && sync');
    const fresh = 'echo 3 > /proc/sys/vm/drop_caches';
    return {
      checksum: () => host.run(`${fresh}; sha256sum /mnt/ledger/calls`),
      async stillWorks() {
        await host.run('echo more > /mnt/ledger/more && sync && rm /mnt/ledger/more');
        expect(await errors()).toBe(before);
      },
      async end() {
        await host.run(`umount /mnt/ledger && ${undo}`);
      },
    };
  }

  return {
    async mount() {
      const disk = await host.disk(address);
      await host.run(`mkfs.ext4 -q -F ${disk}`);
      const use = await filesystem(disk, `fsck.ext4 -f -n ${disk}`);
      return { ...use, end: () => use.end().then(() => wipe(host, disk)) };
    },

    async swap() {
      const disk = await host.disk(address);
      await host.run(`mkswap -q ${disk} && swapon ${disk}`);
      return {
        checksum: () => host.run(`dd if=${disk} bs=4096 count=1 iflag=direct status=none | sha256sum`),
        async stillWorks() {
          expect(await host.run('cat /proc/swaps')).toContain(disk);
        },
        end: () => host.run(`swapoff ${disk}`).then(() => wipe(host, disk)),
      };
    },

    async lvm() {
      const disk = await host.disk(address);
      await host.run(
        `pvcreate -q ${disk} && vgcreate -q vault ${disk} && lvcreate -q -L 32M -n ledger vault`,
      );
      await host.run('mkfs.ext4 -q -F /dev/vault/ledger');
      const use = await filesystem('/dev/vault/ledger', 'vgremove -q -y vault');
      return { ...use, end: () => use.end().then(() => wipe(host, disk)) };
    },

    async md() {
      const disk = await host.disk(address);
      await host.run(`mdadm -q --create /dev/md77 --run --level=1 --force --raid-devices=1 ${disk}`);
      await host.run('mkfs.ext4 -q -F /dev/md77');
      const use = await filesystem('/dev/md77', 'mdadm -q --stop /dev/md77');
      return { ...use, end: () => use.end().then(() => wipe(host, disk)) };
    },
  };
}

/** Nothing of it is left for the next test, nor for udev to find. */
async function wipe(host: LabHost, disk: string): Promise<void> {
  await host.run(`dd if=/dev/zero of=${disk} bs=1M count=2 oflag=direct status=none && udevadm settle`);
}
