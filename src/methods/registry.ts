import { grpoDefinition } from './grpo.js';
import { rlsdDefinition } from './rlsd.js';

/** The methods that a pipeline file knows by name. */
export const methods = [grpoDefinition, rlsdDefinition] as const;
