import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { StackError } from './failure.js';

export const loopback = '127.0.0.1';

/** A port somebody asked for: its number (0: any free one) and the option that changes it. */
export interface PortWish {
  readonly purpose: string;
  readonly port: number;
  readonly option: string;
}

/**
 * Gives each wish its port, in order.
 * @throws StackError that lists every busy port with the option to change it
 */
export async function choosePorts<const Wishes extends readonly PortWish[]>(
  wishes: Wishes,
): Promise<{ [Index in keyof Wishes]: number }> {
  const busy: PortWish[] = [];
  const chosen: number[] = [];
  for (const wish of wishes) {
    if (wish.port === 0) chosen.push(await freePort(chosen));
    else {
      if (!(await isFree(wish.port))) busy.push(wish);
      chosen.push(wish.port);
    }
  }
  if (busy.length > 0) {
    throw new StackError(
      busy.map(({ purpose, port }) => `port ${port} of ${purpose} is in use on ${loopback}`).join('\n'),
      busy.map(({ purpose, option }) => `${purpose}: choose another with ${option} N (0: any free one)`),
    );
  }
  return chosen as { [Index in keyof Wishes]: number };
}

/**
 * Below the range from which systems give ports to outgoing connections, else one of those could take the port
 * between this look and the moment its server listens.
 */
async function freePort(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
