import { describe, expect, it } from '@jest/globals';
import type { Bench } from '../support/bench.js';
import { patienceMs } from '../support/product.js';
import { onDisk } from '../support/uses.js';

/** What preflight must not let through; each change ends refused, and nothing on the host has moved. */
export function refusals(bench: Bench): void {
  const refused = async (request: object): Promise<unknown> => {
    const change = await bench.product.change(request);
    expect(change).toMatchObject({ state: 'closed', ending: 'refused' });
    expect(await bench.product.timeline(change.id)).toEqual([]);
    return change.failures;
  };

  describe('what must not leave the host is refused, with reason and remedy', () => {
    it(
      'a sibling alone: the members that would have to come along are named',
      async () => {
        const [first, second] = bench.host.addresses('card');
        expect(await refused({ devices: [{ address: first }], wholeUnit: false })).toMatchObject([
          {
            reason: 'unit-consent-missing',
            where: { address: first },
            actual: expect.stringContaining(second!),
            message: expect.stringContaining('wholeUnit: true'),
          },
        ]);
      },
      patienceMs,
    );

    it(
      'the network card of our own connection, which is also the way out',
      async () => {
        const { address, interface: name } = bench.host.facts.management;
        expect(await refused({ devices: [{ address }] })).toMatchObject([
          {
            reason: 'device-in-use-by-host',
            where: { address },
            actual: expect.stringMatching(new RegExp(`own-connection ${name}.*default-route ${name}`)),
          },
        ]);
      },
      patienceMs,
    );

    it(
      'a root port, which would be left without any driver',
      async () => {
        const address = '0000:00:02.0';
        const failures = await refused({ devices: [{ address }] });
        expect(failures).toMatchObject([{ reason: 'device-is-bridge', where: { address } }]);
      },
      patienceMs,
    );

    it(
      'the display on which the firmware shows the console',
      async () => {
        const address = bench.host.address('console');
        expect(await refused({ devices: [{ address }] })).toMatchObject([
          { reason: 'device-in-use-by-host', actual: expect.stringContaining('boot-display') },
        ]);
      },
      patienceMs,
    );

    it(
      'a network card that is the port of a bridge',
      async () => {
        const { host } = bench;
        const address = host.address('nic');
        const name = await host.run(`ls /sys/bus/pci/devices/${address}/net`);
        await host.run(`ip link add br-lab type bridge && ip link set ${name} master br-lab`);
        try {
          expect(await refused({ devices: [{ address }] })).toMatchObject([
            {
              reason: 'device-in-use-by-host',
              actual: expect.stringContaining(`bridge-port ${name} is a port of br-lab`),
            },
          ]);
        } finally {
          await host.run('ip link del br-lab');
        }
      },
      patienceMs,
    );

    for (const use of ['mount', 'swap', 'lvm', 'md'] as const) {
      it(
        `a disk in use (${use}): refused, and every byte is as before`,
        async () => {
          const { host } = bench;
          const address = host.address('nvme-0');
          const held = await onDisk(host, address)[use]();
          try {
            const before = await held.checksum();
            expect(await refused({ devices: [{ address }] })).toMatchObject([
              {
                reason: 'device-in-use-by-host',
                where: { address },
                actual: expect.stringContaining(use),
                message: expect.stringContaining('End the use that is named'),
              },
            ]);
            expect(await held.checksum()).toBe(before);
            await held.stillWorks();
          } finally {
            await held.end();
          }
        },
        patienceMs,
      );
    }
  });
}
