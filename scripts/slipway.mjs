#!/usr/bin/env node
// The command line client, from anywhere: slipway change list
process.argv.splice(2, 0, 'slipway');
await import('./run.mjs');
