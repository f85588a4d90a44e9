import { from, lastValueFrom, toArray } from 'rxjs';
import { expect, it } from 'vitest';
import { publishWeights } from '../../src/operators/publish-weights.js';
import type { Weights } from '../../src/records/records.js';

const weights = (version: number, index: number): Weights => ({
  ...{ run: 'r', version, parent: null, step: version, digest: 'd', offsets: [], location: null },
  chunk: { index, count: 2, bytes: Uint8Array.of(index) },
  format: 'full',
});

it('publishWeights emits the records of each step that is due, in order', async () => {
  const publisher = {
    due: ({ step }: { step: number }) => step % 2 === 1,
    publish: async ({ step }: { step: number }) => [weights(step, 0), weights(step, 1)],
  };
  const steps = [0, 1, 2, 3].map((step) => ({ step, samples: [], stats: {} }));
  const published = await lastValueFrom(from(steps).pipe(publishWeights(publisher), toArray()));
  expect(published).toEqual([1, 3].flatMap((version) => [weights(version, 0), weights(version, 1)]));
});
