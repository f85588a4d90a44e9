import { fileURLToPath } from 'node:url';
import { from, lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/engines/engine-spec.js';
import type { Policy } from '../../src/engines/policy.js';
import { rollout } from '../../src/operators/rollout.js';
import { verify } from '../../src/operators/verify.js';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { createVerifier } from '../../src/verifiers/create.js';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const engine = { module: 'engines/ngram/engine.mjs', corpus: 'engines/ngram/corpus.jsonl' };

let policy: Policy;
beforeAll(async () => {
  const ngram = await loadEngine(engine, examples);
  policy = await ngram.openPolicy({ folder: `${examples}models/arithmetic`, device: 'cpu', workers: 1 });
});
afterAll(() => policy.close());

const ask = (content: string): Int32Array => policy.encodePrompt([{ role: 'user', content }]);

describe('the n-gram example', () => {
  it('answers from its corpus, as the verdicts confirm', async () => {
    const verifier = await createVerifier({ math: {} });
    const questions = [
      ['4 + 3 =', '7'],
      ['8 + 6 =', '14'],
    ] as const;
    const prompts = questions.map(([question], n) => ({
      run: 'test',
      promptId: `p${n}`,
      itemId: `p${n}`,
      sequence: BigInt(n),
      step: 0,
      messages: [{ role: 'user' as const, content: question }],
      seed: 7n,
      source: 'test',
      level: null,
    }));
    const answers = new Map(questions.map(([, answer], n) => [`p${n}`, answer]));
    const verdicts = await lastValueFrom(
      from(prompts).pipe(
        rollout(policy, {
          group: 4,
          sampling: { temperature: 0.5, maxTokens: 8 },
          version: async () => ({ version: 0, digest: 'ngram' }),
        }),
        verify(verifier, { reference: async (itemId) => ({ answer: String(answers.get(itemId)), data: null }) }),
        toArray(),
      ),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(Array(8).fill('correct'));
    await verifier.close();
  });

  it('scores its samples, with top-k and tail probabilities that sum to 1', async () => {
    const prompt = ask('8 + 6 =');
    const sampling = { temperature: 1.5, maxTokens: 8 };
    const [drawn] = await policy.sample(0, { prompt, seeds: [3n], sampling });
    if (!drawn || !policy.scoreTop) throw new Error('the n-gram engine samples and scores top-k');
    const request = { tokens: Int32Array.of(...prompt, ...drawn.tokens), from: prompt.length, temperature: 1.5 };
    expect(await policy.score(0, request)).toEqual(drawn.logprobs);
    const { logprobs, tailLogprobs } = await policy.scoreTop(0, { ...request, k: 3 });
    for (const [t, tail] of tailLogprobs.entries()) {
      const top = logprobs.subarray(3 * t, 3 * t + 3);
      expect([...top, tail].reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 5);
    }
  });

  it('is rejected by name in a pipeline that trains', async () => {
    const spec = checkSpec({
      pipeline: 'ngram',
      steps: 1,
      model: { base: 'models/arithmetic', engine },
      prompts: { generate: 'chain-sum' },
      rollout: { maxTokens: 8 },
      verify: { math: {} },
      shape: 'grpo',
      learn: { prompts: 2, lr: 1e-4 },
    });
    expect(await checkPlan(planOf(spec, examples))).toEqual([
      'model.engine: ngram does not train, which learn needs; expected an engine that does',
      'model.engine: ngram takes no new weights, which learn publishes',
    ]);
  });
});
