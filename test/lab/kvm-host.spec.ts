import { refusals } from './scenes/refusals.js';
import { thereAndBack } from './scenes/there-and-back.js';
import { openBench } from './support/bench.js';

const bench = openBench('suite');

thereAndBack(bench);
refusals(bench);
