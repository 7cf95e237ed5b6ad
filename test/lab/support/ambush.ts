import type { LabHost } from './lab-host.js';

/**
 * Lies in wait on the host for the next line of the guard's journal that contains `sign`, and then runs `deed`,
 * within a few hundredths of a second and without us. Gives a look at whether it has happened.
 */
export async function ambush(host: LabHost, sign: string, deed: string): Promise<() => Promise<boolean>> {
  const mark = `/run/ambush-${Date.now()}`;
  const count = `grep -hF -c -- '${sign}' /var/lib/slipway-guard/journal/*.jsonl 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'`;
  // `own` is the server side of our own connection, for deeds that end all others.
  const lines = [
    'own=$PPID',
    `before=$(${count})`,
    `( while [ "$(${count})" -le "$before" ]; do sleep 0.02; done; ${deed}; touch ${mark} ) </dev/null >/dev/null 2>&1 &`,
  ];
  await host.run(lines.join('\n'));
  return async () => (await host.tries(`test -e ${mark}`)).code === 0;
}

/** As the signs stand in the journal. */
export const signs = {
  attaching: '"note": "attach-device --live"',
};

export const deeds = {
  /** The daemon dies, and what watches over it starts it again. */
  restartLibvirtd:
    'kill -9 $(pidof libvirtd); while pidof libvirtd >/dev/null; do sleep 0.05; done; /lab/libvirtd-start',
  /** Every connection but ours is closed from the host's side; what runs, runs on. */
  cutConnections: 'for pid in $(pgrep -P $(cat /run/sshd.pid)); do [ $pid = $own ] || kill -9 $pid; done',
};
