import { contrastDefinition } from './contrast.js';
import { grpoDefinition } from './grpo.js';
import { grpoOpsdDefinition } from './grpo-opsd.js';
import { opdDefinition } from './opd.js';
import { opsdDefinition } from './opsd.js';
import { rlcsdDefinition } from './rlcsd.js';
import { rlsdDefinition } from './rlsd.js';
import { sdpoDefinition } from './sdpo.js';

/** The methods that a pipeline file knows by name. */
export const methods = [
  grpoDefinition,
  rlsdDefinition,
  contrastDefinition,
  opsdDefinition,
  grpoOpsdDefinition,
  opdDefinition,
  sdpoDefinition,
  rlcsdDefinition,
] as const;
