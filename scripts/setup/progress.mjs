// Progress goes to stderr: stdout belongs to the command that set-up precedes (`--json` must stay one document).
const started = Date.now();

export function say(line) {
  process.stderr.write(`setup ${seconds(Date.now() - started)}  ${line}\n`);
}

export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1).padStart(6)} s`;
}

/** Ends set-up with what is missing and every way to supply it. */
export class SetupError extends Error {
  constructor(missing, ways) {
    super([missing, ...ways.map((way) => `  - ${way}`)].join('\n'));
    this.name = 'SetupError';
  }
}
