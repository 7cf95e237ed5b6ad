/** A Jest reporter for suites that take minutes: every test is shown at the moment it ends. */
export default class Each {
  onTestCaseResult(_file, { status, title, ancestorTitles, duration }) {
    const mark = { passed: '✓', failed: '✕' }[status] ?? '○';
    const seconds = `${((duration ?? 0) / 1000).toFixed(1)} s`.padStart(8);
    process.stderr.write(`  ${mark} ${seconds}  ${[...ancestorTitles, title].join(' › ')}\n`);
  }
}
