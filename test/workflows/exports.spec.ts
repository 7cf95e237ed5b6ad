import { expect, it } from '@jest/globals';
import { workflowTypes } from '../../workflows/contract.js';

it('exports exactly the workflows: whatever else were exported, anybody who reaches Temporal could start', async () => {
  const workflows = await import('../../workflows/index.js');
  expect(Object.keys(workflows).sort()).toEqual(Object.values(workflowTypes).sort());
  expect(Object.keys(workflows)).toEqual(['deviceChange']);
});
