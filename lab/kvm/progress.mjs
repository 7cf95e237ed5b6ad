// What the lab is doing, with seconds since the start, on stderr: stdout is for answers.
import { LabError } from './process.mjs';

/** A clock with a voice: `note` prints one line, `step` prints a line when the work is done. */
export function startProgress({ quiet = false } = {}) {
  const start = Date.now();
  const times = {};
  const seconds = (since = start) => ((Date.now() - since) / 1000).toFixed(1);
  const note = (text) => {
    if (!quiet) process.stderr.write(`[${seconds().padStart(6)} s] ${text}\n`);
  };
  return {
    note,
    times,
    seconds: () => Number(seconds()),
    /** Remembers how long after the start `name` was reached, and says so. */
    reached(name, text) {
      times[name] = Number(seconds());
      note(text);
    },
    async step(text, work) {
      note(`${text} ...`);
      const from = Date.now();
      const answer = await work();
      note(`${text}: done in ${seconds(from)} s`);
      return answer;
    },
  };
}

export function explain(error) {
  return error instanceof LabError ? error.message : (error?.stack ?? String(error));
}
