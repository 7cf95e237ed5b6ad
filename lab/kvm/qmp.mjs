// QEMU's control socket.
import { createConnection } from 'node:net';
import { LabError } from './process.mjs';

/** Opens the socket and negotiates. Answers {execute(command, arguments), close()}. */
export function openQmp(path) {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const waiting = [];
    let text = '';
    socket.setEncoding('utf8');
    const fail = (cause) => {
      const error = new LabError(`QEMU does not answer on ${path}`, { actual: cause.message, cause });
      reject(error);
      for (const { reject: refuse } of waiting.splice(0)) refuse(error);
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('connection closed')));
    const execute = (command, args) =>
      new Promise((done, refuse) => {
        waiting.push({ resolve: done, reject: refuse, command });
        socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
      });
    const session = { execute, close: () => socket.destroy() };
    socket.on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines) {
        const message = JSON.parse(line);
        if (message.QMP) execute('qmp_capabilities').then(() => resolve(session), reject);
        else if (!message.event) settle(waiting.shift(), message);
      }
    });
  });
}

function settle({ resolve, reject, command }, message) {
  if ('return' in message) return resolve(message.return);
  return reject(new LabError(`QEMU refused ${command}`, { actual: message.error.desc }));
}

/** One command on a connection of its own. `command` is a name or {execute, arguments}. */
export async function askQmp(path, command) {
  const { execute, arguments: args } = typeof command === 'string' ? { execute: command } : command;
  const session = await openQmp(path);
  try {
    return await session.execute(execute, args);
  } finally {
    session.close();
  }
}
