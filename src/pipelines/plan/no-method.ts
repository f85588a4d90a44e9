import { clippedPolicy } from '../../losses/index.js';
import type { Method } from '../../methods/method.js';

/** Stands for the method of a pipeline without `shape`, which has no stage that would call it. */
export const noMethod: Method = {
  name: 'none',
  id: 'none',
  teacher: { scores: 'none' },
  statistics: {},
  usesUniformGroups: false,
  loss: clippedPolicy.create(),
  shape() {
    throw new Error('a pipeline without shape has no method');
  },
};
