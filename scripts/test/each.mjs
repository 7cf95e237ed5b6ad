/** A Jest reporter for suites that take minutes: every test is shown at the moment it ends, with what went wrong. */
export default class Each {
  onTestCaseResult(_file, { status, title, ancestorTitles, duration, failureMessages }) {
    const mark = { passed: '✓', failed: '✕' }[status] ?? '○';
    const seconds = `${((duration ?? 0) / 1000).toFixed(1)} s`.padStart(8);
    process.stderr.write(`  ${mark} ${seconds}  ${[...ancestorTitles, title].join(' › ')}\n`);
    for (const message of failureMessages ?? []) process.stderr.write(`${message}\n`);
  }
}
