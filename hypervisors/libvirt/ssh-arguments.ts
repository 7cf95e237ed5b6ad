import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { failure, SlipwayError } from '../../domain/failures.js';

export interface SshOptions {
  host: string;
  port: number;
  user: string;
  identityFile: string;
  knownHostsFile: string;
}

/** Everything is named here; no file of the account that runs the worker has a say. */
export function sshArguments(
  { port, user, identityFile, knownHostsFile }: SshOptions,
  socket: string,
): string[] {
  const settings: Record<string, string> = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: quoted(knownHostsFile, 'ssh.knownHosts'),
    GlobalKnownHostsFile: '/dev/null',
    UpdateHostKeys: 'no',
    IdentityFile: quoted(identityFile, 'ssh.identity'),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    ControlMaster: 'auto',
    ControlPath: quoted(socket, 'runtimeDir'),
    ControlPersist: '60',
    ConnectTimeout: '15',
    ServerAliveInterval: '5',
    ServerAliveCountMax: '4',
    ForwardAgent: 'no',
    ClearAllForwardings: 'yes',
    PermitLocalCommand: 'no',
    EscapeChar: 'none',
    RequestTTY: 'no',
    LogLevel: 'ERROR',
  };
  const named = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', ...named, '-p', String(port), '-l', user];
}

/** ssh splits option values at blanks and expands `%` and `${}` in paths. */
function quoted(path: string, field: string): string {
  if (/["\\\p{Cc}]|\$\{/u.test(path)) {
    const expected = 'a path without quotes, backslashes and control characters';
    throw new SlipwayError(
      failure('request-invalid', { where: { field }, expected, actual: JSON.stringify(path) }),
    );
  }
  return `"${path.replaceAll('%', '%%')}"`;
}

/** One shared connection a host. Its socket's path may have 108 characters, of which ssh needs 17 itself. */
export function controlPath(runtimeDir: string, hostId: string, ssh: SshOptions): string {
  const identity = JSON.stringify([hostId, ssh]);
  const path = join(runtimeDir, `s-${createHash('sha256').update(identity).digest('hex').slice(0, 10)}`);
  if (Buffer.byteLength(path) <= 90) return path;
  const actual = `${Buffer.byteLength(path)} bytes: ${path}`;
  throw new SlipwayError(
    failure('request-invalid', {
      where: { field: 'runtimeDir' },
      expected: 'a path of at most 76 bytes',
      actual,
    }),
  );
}
