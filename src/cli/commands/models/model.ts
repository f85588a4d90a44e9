import type { Register } from '../../options.js';
import { addInspect } from './inspect.js';
import { addMerge } from './merge.js';

export const registerModel: Register = (rlsd) => {
  const model = rlsd.command('model').description('look at model folders, and merge adapters into them');
  addInspect(model);
  addMerge(model);
};
