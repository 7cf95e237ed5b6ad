import { cold } from './scenes/cold.js';
import { crashesOfTheHost } from './scenes/crashes.js';
import { guestsThatHang } from './scenes/guests.js';
import { handsOfOthers } from './scenes/hands.js';
import { refusals } from './scenes/refusals.js';
import { thereAndBack } from './scenes/there-and-back.js';
import { workersThatFail } from './scenes/workers.js';
import { openBench } from './support/bench.js';

const bench = openBench('suite');

thereAndBack(bench);
refusals(bench);
cold(bench);
handsOfOthers(bench);
guestsThatHang(bench);
workersThatFail(bench);
crashesOfTheHost(bench);
