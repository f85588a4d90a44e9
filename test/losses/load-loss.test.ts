import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { clippedPolicy, evaluateLoss, loadLoss, lossModuleHash, lossSchema } from '../../src/losses/index.js';

const folder = mkdtempSync(join(tmpdir(), 'loss-'));
afterAll(() => rmSync(folder, { recursive: true }));
const examples = fileURLToPath(new URL('../../examples', import.meta.url));

describe('a loss by name', () => {
  it('takes its defaults', async () => {
    expect((await loadLoss('clippedPolicy', folder)).id).toBe(clippedPolicy.create().id);
  });

  it('is one term of a sum', async () => {
    const spec = { clippedPolicy: { clip: [0.1, 0.1] }, distillation: { coefficient: 0.5, divergence: 'reverseKl' } };
    expect(lossSchema.safeParse(spec).success).toBe(true);
    expect((await loadLoss(spec, folder)).name).toBe('clippedPolicy+0.5*distillation');
  });

  it.each([
    ['an unknown name', 'clippedPolicies'],
    ['an unknown term', { clippedPolicies: {} }],
    ['an unknown setting', { distillation: { temperature: 2 } }],
    ['no term at all', {}],
  ])('is refused for %s', (_, spec) => {
    expect(lossSchema.safeParse(spec).success).toBe(false);
  });
});

describe('a loss of the user', () => {
  const write = (name: string, text: string): { module: string } => {
    writeFileSync(join(folder, name), text);
    return { module: `./${name}` };
  };

  it('dual-clip PPO: equals PPO but for a bound where the advantage is negative', async () => {
    const ppo = clippedPolicy.create();
    const loss = await loadLoss({ module: './losses/dual-clip.mjs', ceiling: 2 }, examples);
    const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
    fc.assert(
      fc.property(number(-4, 0), number(-4, 0), number(-3, 3), (logprob, samplingLogprob, advantage) => {
        const token = { logprob, samplingLogprob, advantage };
        const [found, expected] = [evaluateLoss(loss, token), evaluateLoss(ppo, token)];
        const isBounded = advantage < 0 && Math.exp(logprob - samplingLogprob) > 2;
        expect(found.value).toBeCloseTo(isBounded ? -2 * advantage : expected.value, 12);
        expect(found.gradient).toBeCloseTo(isBounded ? 0 : expected.gradient, 12);
      }),
    );
  });

  it('has a content hash', () => {
    const spec = { module: './losses/dual-clip.mjs' };
    expect(lossModuleHash(spec, examples)).toMatch(/^[0-9a-f]{64}$/);
    expect(lossModuleHash('clippedPolicy', examples)).toBeUndefined();
    expect(() => lossModuleHash({ module: './none.mjs' }, folder)).toThrow('none.mjs: cannot be read');
  });

  it('is refused where the module is missing, exports no loss, or its gradient is wrong', async () => {
    await expect(loadLoss({ module: './none.mjs' }, folder)).rejects.toThrow('none.mjs: cannot be loaded');
    await expect(loadLoss(write('other.mjs', 'export default 3;'), folder)).rejects.toThrow(
      'other.mjs: its default export is no loss; expected `export default defineLoss(',
    );
    const losses = fileURLToPath(new URL('../../dist/losses/index.js', import.meta.url));
    const wrong = `import { defineLoss } from ${JSON.stringify(losses)};
      import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
      export default defineLoss({ name: 'wrong', summary: '', settings: z.strictObject({}), needsAdvantage: false,
        build: (e, at) => ({ value: at.logprobs, gradient: { logprobs: e.constant(-1) }, metrics: {} }) });`;
    await expect(loadLoss(write('wrong.mjs', wrong), folder)).rejects.toThrow(
      /wrong\.mjs: loss wrong: gradient\.logprobs is -1 where/,
    );
  });
});
