import { from, lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { rollout } from '../../src/operators/rollout.js';
import type { Prompt } from '../../src/records/records.js';
import { deferred } from '../fakes/deferred.js';
import { constantPolicy } from '../fakes/policy.js';
import { promptOf } from '../fakes/records.js';

const settings = {
  group: 3,
  sampling: { temperature: 0.5, maxTokens: 8 },
  version: async () => ({ version: 4, digest: 'd4' }),
};
const sampled = (prompts: readonly Prompt[], concurrency = 1) =>
  lastValueFrom(from(prompts).pipe(rollout(constantPolicy(), { ...settings, concurrency }), toArray()));

describe('rollout', () => {
  it('samples a group per prompt', async () => {
    const rollouts = await sampled([promptOf(0), promptOf(1)], 2);
    expect(rollouts.map(({ promptId, sampleIndex }) => `${promptId}/${sampleIndex}`)).toEqual(
      ['p0', 'p1'].flatMap((id) => [0, 1, 2].map((i) => `${id}/${i}`)),
    );
    expect(rollouts[0]).toMatchObject({ policyVersion: 4, policyDigest: 'd4', temperature: 0.5, groupSize: 3 });
  });

  it('draws from seed, prompt, sample and version alone', async () => {
    const [a, b] = [promptOf(0), promptOf(1)];
    const together = await sampled([a, b], 2);
    expect(new Set(together.map(({ seed }) => seed)).size).toBe(6);
    expect(await sampled([b])).toEqual(together.slice(3));
    expect((await sampled([{ ...b, seed: 8n }]))[0]?.seed).not.toBe(together[3]?.seed);
  });

  it('aborts the policy when the subscriber leaves', async () => {
    const asked = deferred<AbortSignal | undefined>();
    const sample = (_: number, __: unknown, signal?: AbortSignal) => {
      asked.resolve(signal);
      return new Promise<never>(() => {});
    };
    const subscription = of(promptOf(0))
      .pipe(rollout({ ...constantPolicy(), sample }, settings))
      .subscribe();
    const signal = await asked.promise;
    expect(signal?.aborted).toBe(false);
    subscription.unsubscribe();
    expect(signal?.aborted).toBe(true);
  });

  it('does not sample for a subscriber that left while it waited for weights', async () => {
    const weights = deferred<{ version: number; digest: string }>();
    let asked = 0;
    const sample = async () => {
      asked++;
      return [];
    };
    const policy = { ...constantPolicy(), sample };
    of(promptOf(0))
      .pipe(rollout(policy, { ...settings, version: () => weights.promise }))
      .subscribe()
      .unsubscribe();
    weights.resolve({ version: 1, digest: '' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(0);
  });

  it('fails when the policy gives another number of completions', () => {
    const policy = { ...constantPolicy(), sample: async () => [] };
    const rollouts = of(promptOf(0)).pipe(rollout(policy, settings));
    return expect(lastValueFrom(rollouts)).rejects.toThrow('the policy gave 0 completions for prompt p0, expected 3');
  });

  it.each([{ group: 0 }, { group: Number.NaN }, { concurrency: 0 }])('refuses %j', (bad) =>
    expect(() => rollout(constantPolicy(), { ...settings, ...bad })).toThrow(RangeError),
  );
});
