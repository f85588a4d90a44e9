import { bestOfDefinition } from './best-of.js';
import { dropGibberishDefinition } from './drop-gibberish.js';
import { dropLengthDefinition } from './drop-length.js';
import { dropRepetitiveDefinition } from './drop-repetitive.js';
import { dropUniformDefinition } from './drop-uniform.js';
import { lengthPenaltyDefinition } from './length-penalty.js';

/** The transforms that a pipeline file knows by name. */
export const transforms = [
  dropUniformDefinition,
  dropLengthDefinition,
  dropRepetitiveDefinition,
  dropGibberishDefinition,
  lengthPenaltyDefinition,
  bestOfDefinition,
] as const;
