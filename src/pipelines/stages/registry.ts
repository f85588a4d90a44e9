import type { StageDefinition } from './definition.js';
import { evaluateStage } from './evaluate.js';
import { ingestStage } from './ingest.js';
import { learnStage } from './learn.js';
import { rolloutStage } from './rollout.js';
import { shapeStage } from './shape.js';
import { teachStage } from './teach.js';
import { verifyStage } from './verify.js';

/**
 * The stages that a pipeline is made of, in the order of the flow: each reads what the one before it in the plan
 * writes.
 */
export const stageDefinitions: readonly StageDefinition[] = [
  ingestStage,
  rolloutStage,
  verifyStage,
  teachStage,
  shapeStage,
  learnStage,
  evaluateStage,
];
