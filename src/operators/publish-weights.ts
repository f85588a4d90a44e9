import { concatMap, type OperatorFunction } from 'rxjs';
import type { Weights } from '../records/records.js';
import type { LearnStep } from './learn.js';

/** Decides which weights are published, and writes them. */
export interface Publisher<Stats> {
  /** Whether the weights after this step are published. */
  due(step: LearnStep<Stats>): boolean;
  /** Writes the weights durably and resolves to the records that announce them. */
  publish(step: LearnStep<Stats>): Promise<readonly Weights[]>;
}

/**
 * Publishes the weights after each step that is due: as one record, or as several where they travel in chunks.
 *
 * @example
 * advantages$.pipe(learn(learner, settings), publishWeights(publisher)).subscribe(announce);
 */
export function publishWeights<Stats>(publisher: Publisher<Stats>): OperatorFunction<LearnStep<Stats>, Weights> {
  return concatMap(async function* publish(step: LearnStep<Stats>) {
    if (publisher.due(step)) yield* await publisher.publish(step);
  });
}
