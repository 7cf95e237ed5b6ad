import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The guard as it comes with this version of Slipway. Raise the version with every change of the guard. */
const path = fileURLToPath(new URL('slipway-guard', import.meta.url));
const text = readFileSync(path);

export const guardProgram = {
  text,
  sha256: createHash('sha256').update(text).digest('hex'),
  version: Number(/^VERSION = (\d+)$/m.exec(text.toString('utf8'))?.[1]),
  protocol: Number(/^PROTOCOL = (\d+)$/m.exec(text.toString('utf8'))?.[1]),
};

const installed = '/usr/local/lib/slipway/slipway-guard';

/** The one command this adapter runs on a host; a forced command or a sudoers rule can name it literally. */
export function guardCommand(user: string): string {
  return user === 'root' ? `${installed} serve` : `sudo -n ${installed} serve`;
}

/** What a guard says of itself before it reads anything. */
export interface Hello {
  version: number;
  protocol: number;
  sha256: string;
  /** It runs as a forced command: then only the host's administrator can exchange it. */
  forced: boolean;
}

/** A newer guard that speaks our protocol is left alone: two versions of workers must not exchange it in turns. */
export function isCurrent(hello: Hello): boolean {
  if (hello.protocol !== guardProgram.protocol) return false;
  return hello.version > guardProgram.version || hello.sha256 === guardProgram.sha256;
}

/**
 * Puts the guard in its place: checked, whole or not at all. On a host that has neither guard nor state it
 * leaves the note by which the guard seeds itself, if the caller says that Slipway never acted there.
 */
const installer = `
import hashlib, json, os, sys
wanted = json.load(sys.stdin)
text = wanted["program"].encode()
assert hashlib.sha256(text).hexdigest() == wanted["sha256"], "damaged on the way"
os.umask(0o022)
folder, state = "/usr/local/lib/slipway", "/var/lib/slipway-guard"
path = folder + "/slipway-guard"
os.makedirs(folder, 0o755, exist_ok=True)
note = state + "/first-contact"
if wanted["firstContact"] and not os.path.lexists(path):
    os.makedirs(state, 0o700, exist_ok=True)
    if not os.listdir(state):
        open(note, "a").close()
fresh = "%s.%d.new" % (path, os.getpid())
with open(fresh, "xb") as file:
    file.write(text)
    file.flush()
    os.fchmod(file.fileno(), 0o755)
    os.fsync(file.fileno())
os.rename(fresh, path)
for place in (folder, os.path.dirname(folder), os.path.dirname(state)):
    descriptor = os.open(place, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
print("installed")
`;

/** A constant: nothing of a host, a request or an estate is in it. The program text comes on standard input. */
export const installCommand = `/usr/bin/python3 -IS -c '${installer}'`;

export function installDocument(firstContact: boolean): string {
  return JSON.stringify({ program: text.toString('utf8'), sha256: guardProgram.sha256, firstContact });
}
