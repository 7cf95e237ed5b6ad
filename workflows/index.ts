// Every export of this module can be started as a workflow: so only workflows, by name.
export { deviceChange } from './device-change.js';
