import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { choosePorts, loopback } from '../../stack/ports.js';

describe('choosing ports', () => {
  it('names every busy port and the option that changes it, else people learn of them one by one', async () => {
    const server = createServer().listen(0, loopback);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const wishes = [
      { purpose: 'the api', port, option: '--api-port' },
      { purpose: 'Temporal', port, option: '--temporal-port' },
    ];
    await expect(choosePorts(wishes)).rejects.toThrow(
      new RegExp(
        `port ${port} of the api is in use[^]*port ${port} of Temporal[^]*--api-port[^]*--temporal-port`,
      ),
    );
    server.close();
    await once(server, 'close');
    await expect(choosePorts(wishes.slice(0, 1))).resolves.toEqual([port]);
  });

  it('gives different free ports outside the range of outgoing connections', async () => {
    const wishes = Array.from({ length: 8 }, (_, index) => ({
      purpose: `${index}`,
      port: 0,
      option: '--any',
    }));
    const ports = await choosePorts(wishes);
    expect(new Set(ports).size).toBe(8);
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(15_000);
      expect(port).toBeLessThan(32_000);
    }
  });
});
