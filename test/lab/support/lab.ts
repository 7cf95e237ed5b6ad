// The typed door to the lab, which is plain JavaScript so that it runs before anything is built.
import * as labFaults from '../../../lab/kvm/faults.mjs';
import * as kvmLab from '../../../lab/kvm/kvm-lab.mjs';

/** What lab.json says of a running lab. */
export interface LabFacts {
  name: string;
  topology: string;
  host: string;
  qemu: { pid: number; console: string };
  ssh: { host: string; port: number; user: string; identity: string; knownHosts: string };
  estate: string;
  devices: {
    name: string;
    kind: string;
    bridge?: string;
    serial?: string;
    functions: { address: string }[];
  }[];
  management: { interface: string; address: string };
}

interface Lab {
  up(options: {
    name: string;
    topology?: string;
    cold?: boolean;
    guests?: boolean;
    quiet?: boolean;
  }): Promise<LabFacts>;
  down(name: string): Promise<boolean>;
  ssh(
    name: string,
    argv: string[],
    options?: { input?: string | undefined },
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  faults: {
    killLibvirtd(lab: string): Promise<void>;
    startLibvirtd(lab: string): Promise<void>;
    killGuest(lab: string, guest: string): Promise<void>;
    pauseGuest(lab: string, guest: string): Promise<unknown>;
    resumeGuest(lab: string, guest: string): Promise<unknown>;
    dropConnections(lab: string): Promise<void>;
  };
}

export const { up, down, ssh, faults } = { ...kvmLab, faults: labFaults } as unknown as Lab;
