import { afterAll, beforeAll } from '@jest/globals';
import { describeHypervisor } from '../contract.js';
import { SimulatorProcess } from './simulator.js';

const simulator = new SimulatorProcess();
beforeAll(() => simulator.start());
afterAll(() => simulator.stop());

const guest = (unplug: 'obeys' | 'hung') =>
  simulator.operator({ do: 'guest', vm: 'voip-gateway', guest: { unplug } });

describeHypervisor('simulated', {
  make: () => simulator.adapter(),
  world: {
    host: 'sim-01',
    single: '0000:02:00.0',
    unit: ['0000:05:00.0', '0000:05:00.1'],
    inUse: { address: '0000:07:00.0', kind: 'mount' },
    running: 'voip-gateway',
    neighbour: 'backup-store',
    off: 'archive',
    probe: 'agent',
    deafen: async () => void (await guest('hung')),
    wake: async () => void (await guest('obeys')),
  },
  limits: { testMs: 10_000, guestSeconds: 5 },
  holes: {},
});
