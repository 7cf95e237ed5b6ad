/**
 * docs/reasons.md as text, made from the list of reasons in domain/failures.ts.
 * @param {Readonly<Record<string, {title: string, remedy: string, retryable: boolean}>>} reasons
 */
export function reasonsPage(reasons) {
  const rows = Object.entries(reasons).map(
    ([code, { title, remedy, retryable }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${cell(title)} | ${cell(remedy)} | ${retryable ? 'yes' : 'no'} |`,
  );
  return [
    '# Reasons',
    '',
    'Every reason for which Slipway says no, stops or asks, and what to do about it. Written from',
    '[`domain/failures.ts`](../domain/failures.ts) by `node scripts/docs/write-reasons.mjs`; change it there. A test',
    'holds the two together.',
    '',
    'A reason is the `code` of a problem of the API (`type` is `urn:slipway:problem:CODE`), the type of a failure in',
    'Temporal and the word in a change’s `failures`: one word everywhere. "Tried again" says whether Slipway itself',
    'repeats an activity that failed so, a few times, before it turns back; `register-down` and `site-stalled` say',
    'nothing about a machine and are waited out for as long as they last.',
    '',
    '| reason | it means | what to do | tried again |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|');
}
