import { join } from 'node:path';
import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { transform } from '../../src/operators/transform.js';
import { loadTransforms } from '../../src/pipelines/plan/transforms.js';
import { int32Bytes } from '../../src/records/arrays.js';
import type { Verdict } from '../../src/records/records.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

const examples = join(import.meta.dirname, '../../examples');

/** A verdict on a completion of so many tokens. */
const judged = (index: number, reward: number, length: number, fields: Partial<Verdict> = {}): Verdict => ({
  ...verdictOf(rolloutOf(promptOf(0), index, 4), reward),
  verdict: reward > 0 ? 'correct' : 'incorrect',
  completionTokens: int32Bytes(Int32Array.from({ length }, (_, i) => i)),
  samplingLogprobs: new Uint8Array(4 * length),
  ...fields,
});

async function rewards(module: string, verdicts: readonly Verdict[]): Promise<number[]> {
  const [loaded] = await loadTransforms({ transform: { verdicts: [module] } }, examples);
  if (loaded?.topic !== 'verdicts') throw new Error(`${module} follows ${loaded?.topic}`);
  const onDeadLetter = ({ error }: { readonly error: Error }) => Promise.reject(error);
  const operator = transform('verdicts', loaded.operator, { unit: loaded.unit, drops: loaded.drops, onDeadLetter });
  const outputs = await lastValueFrom(from(verdicts).pipe(operator, toArray()));
  return outputs.map((output) => ('reward' in output ? output.reward : Number.NaN));
}

describe('examples/transforms', () => {
  it('half-marks.mjs halves what ran into the token limit', async () => {
    const verdicts = [judged(0, 1, 3, { finishReason: 'length' }), judged(1, 1, 3), judged(2, 0, 3), judged(3, 0, 3)];
    expect(await rewards('transforms/half-marks.mjs', verdicts)).toEqual([0.5, 1, 0, 0]);
  });

  it('shorter-is-better.mjs ranks the correct answers of a group', async () => {
    const verdicts = [judged(0, 1, 9), judged(1, 0, 1), judged(2, 1, 3), judged(3, 0, 2)];
    expect(await rewards('transforms/shorter-is-better.mjs', verdicts)).toEqual([0.9, 0, 1, 0]);
  });
});
