import { cold } from './scenes/cold.js';
import { crashesOfTheHost } from './scenes/crashes.js';
import { guestsThatHang } from './scenes/guests.js';
import { handsOfOthers } from './scenes/hands.js';
import { refusals } from './scenes/refusals.js';
import { thereAndBack } from './scenes/there-and-back.js';
import { workersThatFail } from './scenes/workers.js';
import { openBench } from './support/bench.js';
import { unproven } from './support/proven.js';

const bench = openBench('suite');

thereAndBack(bench);
refusals(bench);
unproven('cold attach', () => cold(bench));
unproven('hands of others', () => handsOfOthers(bench));
unproven('guests that hang', () => guestsThatHang(bench));
unproven('workers that fail', () => workersThatFail(bench));
unproven('crashes of the host', () => crashesOfTheHost(bench));
