import { Agent, request as httpRequest } from 'node:http';
import { SlipwayError } from '../../domain/failures.js';
import { failureOf, transportFailure } from './faults.js';
import type { RefusalParts } from './machine/refusal.js';

export interface Transport {
  /** A read: it may be repeated, so whatever goes wrong is just a host that does not answer. */
  read<Reply>(what: string, body: unknown, signal?: AbortSignal): Promise<Reply>;
  /** An order: once it was sent (`onSent`), a missing reply says nothing about its effect. */
  order<Reply>(body: unknown, signal: AbortSignal, onSent: () => void): Promise<Reply>;
  close(): void;
}

/** Reads are given up after this long; orders by their caller's signal. */
const readLimitMs = 30_000;
/** The simulator gives a sign of life every second; after so much silence the connection counts as lost. */
const silenceMs = 10_000;

export function connect(hostId: string, url: string): Transport {
  const agent = new Agent({ keepAlive: true });
  const post = <Reply>(
    what: string,
    body: unknown,
    signal: AbortSignal,
    onSent?: () => void,
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      let sent = false;
      const fail = (error: Error): void => {
        const failure = transportFailure(hostId, sent && onSent !== undefined, error);
        reject(new SlipwayError(failure, { cause: error }));
      };
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const target = new URL(`/hosts/${encodeURIComponent(hostId)}/${what}`, url);
      const request = httpRequest(target, { method: 'POST', agent, headers, signal }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => {
          try {
            resolve(
              accepted<Reply>(hostId, response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')),
            );
          } catch (error) {
            if (error instanceof SlipwayError) reject(error);
            else fail(error as Error);
          }
        });
      });
      const silence = setTimeout(
        () => request.destroy(new Error(`no sign of life for ${silenceMs / 1000} s`)),
        silenceMs,
      );
      request.on('information', () => silence.refresh());
      request.once('close', () => clearTimeout(silence));
      request.once('error', fail);
      request.once('socket', (socket) => {
        if (!socket.connecting) sent = true;
        else socket.once('connect', () => (sent = true));
      });
      if (onSent) request.once('finish', onSent);
      request.end(text);
    });
  return {
    read: (what, body, signal) => {
      const limit = AbortSignal.timeout(readLimitMs);
      return post(what, body, signal ? AbortSignal.any([signal, limit]) : limit);
    },
    order: (body, signal, onSent) => post('orders', body, signal, onSent),
    close: () => agent.destroy(),
  };
}

function accepted<Reply>(hostId: string, status: number, text: string): Reply {
  const body = JSON.parse(text) as Reply | { error: RefusalParts };
  if (status === 200) return body as Reply;
  if (typeof body === 'object' && body !== null && 'error' in body)
    throw new SlipwayError(failureOf(hostId, body.error));
  throw new Error(`expected status 200, found ${status}`);
}
