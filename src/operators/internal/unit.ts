import { UserError } from '../../support/errors.js';

/** What is processed at a time: one record, the samples of one prompt, or those of one training step. */
export type Unit = 'record' | 'group' | 'step';

/** A sample's place in its group. `sampleIndex` null stands for the whole group, as in gap markers. */
export interface Member {
  readonly promptId: string;
  readonly sampleIndex: number | null;
  readonly groupSize: number;
}

/** Which samples of a unit have arrived. */
export interface UnitProgress {
  /** Groups that complete the unit. */
  readonly groups: number;
  /** Sample indexes by prompt. */
  readonly arrived: Map<string, Set<number>>;
  /** Groups that have all of their samples. */
  complete: number;
}

export function unitProgress(groups = 1): UnitProgress {
  return { groups, arrived: new Map(), complete: 0 };
}

/**
 * Counts a sample in. A duplicate changes nothing.
 * @returns whether the sample is new.
 * @throws {UserError} `bad-sample` when `sampleIndex` is outside of the group.
 */
export function arrive(progress: UnitProgress, { promptId, sampleIndex, groupSize }: Member): boolean {
  if (sampleIndex !== null && !(Number.isInteger(sampleIndex) && sampleIndex >= 0 && sampleIndex < groupSize))
    throw new UserError(
      'bad-sample',
      `sample ${promptId}/${sampleIndex}: sampleIndex is ${sampleIndex}, expected 0 to ${groupSize - 1} ` +
        `(groupSize ${groupSize})`,
    );
  const known = progress.arrived.get(promptId) ?? new Set<number>();
  const before = known.size;
  if (sampleIndex !== null) known.add(sampleIndex);
  else for (let i = 0; i < groupSize; i++) known.add(i);
  if (known.size === before) return false;
  progress.arrived.set(promptId, known);
  if (known.size === groupSize) progress.complete++;
  return true;
}

export const isComplete = (progress: UnitProgress): boolean => progress.complete >= progress.groups;

/** What a unit has and lacks, for messages: `1 of 2 prompts complete; p0 has 3 samples`. */
export function describeProgress({ groups, arrived, complete }: UnitProgress): string {
  const prompts = [...arrived].slice(0, 3).map(([promptId, { size }]) => `${promptId} has ${size}`);
  const more = arrived.size > prompts.length ? ', …' : '';
  return `${complete} of ${groups} prompts complete; samples so far: ${prompts.join(', ') || 'none'}${more}`;
}
