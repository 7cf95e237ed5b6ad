// npm run lint (code rules, walls, dead code, format, failpoints, hygiene) and npm run verify (the same and types).
import { lintChecks, runChecks, typeCheck } from './lint/checks.mjs';

const results = await runChecks(process.argv.includes('--types') ? [typeCheck, ...lintChecks] : lintChecks);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
