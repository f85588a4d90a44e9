import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identity } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { loadTransforms, transformHashes } from '../../../src/pipelines/plan/transforms.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-transforms-'));
const input: PipelineInput = {
  pipeline: 'sums',
  steps: 4,
  model: { base: 'models/sums' },
  prompts: { generate: 'chain-sum' },
  rollout: { maxTokens: 48 },
  verify: { math: {} },
  shape: 'grpo',
  learn: { prompts: 2, lr: 1e-4 },
};
let modules = 0;
const load = async (text: string, topic = 'verdicts') => {
  // A module is loaded once per process, so each text gets a file of its own.
  const file = `mine-${modules++}.mjs`;
  writeFileSync(join(folder, file), text);
  return loadTransforms({ transform: { [topic]: [file] } }, folder);
};
const same = 'export default () => (source) => source;';

describe('the transforms of a spec', () => {
  it('are a module or a list of modules', () => {
    const { transform } = checkSpec({ ...input, transform: { verdicts: 'a.mjs', rollouts: ['b.mjs', 'c.mjs'] } });
    expect(transform).toEqual({ verdicts: ['a.mjs'], rollouts: ['b.mjs', 'c.mjs'] });
  });

  it('are read from `through`, with a warning', () => {
    const warnings: string[] = [];
    const old = { ...input, through: { verdicts: 'a.mjs' } };
    const { transform } = checkSpec(old, { warn: (warning) => void warnings.push(warning) });
    expect(transform).toEqual({ verdicts: ['a.mjs'] });
    expect(warnings).toEqual([expect.stringMatching(/through is now called transform/)]);
  });

  it('work on groups and drop nothing unless the module says so', async () => {
    expect(await load(same)).toMatchObject([{ topic: 'verdicts', unit: 'group', drops: false }]);
    expect(await load(`export const unit = 'step'; export const drops = true; ${same}`)).toMatchObject([
      { unit: 'step', drops: true },
    ]);
  });

  it.each([
    ['export const a = 1', /has no default export, expected a function without arguments/],
    ['export default 7', /has a default export that is a number, expected/],
    ['export default () => 7', /the default export returned a number; expected/],
    ['export default () => { throw new Error("broken"); }', /broken; expected/],
    [`export const unit = 'batch'; ${same}`, /unit is "batch", expected record, group, step/],
    [`export const drops = 'yes'; ${same}`, /drops is "yes", expected true or false/],
    ['import "nowhere"', /cannot be loaded/],
  ])('%s is refused', async (text, message) => {
    await expect(load(text)).rejects.toMatchObject({
      code: 'bad-operator',
      message: expect.stringMatching(new RegExp(`^transform\\.verdicts: .*${message.source}`)),
    });
  });

  it('follow a topic of samples', () =>
    expect(load(same, 'verdict')).rejects.toMatchObject({
      code: 'bad-plan',
      message: 'transform.verdict: the plan has no such topic of samples; did you mean verdicts?',
    }));

  it('have a hash per module', () => {
    writeFileSync(join(folder, 'a.mjs'), same);
    const spec = checkSpec({ ...input, transform: { verdicts: ['a.mjs'] } });
    expect(transformHashes({ spec, folder })).toEqual({ 'verdicts.a': expect.stringMatching(/^[0-9a-f]{64}$/) });
  });
});

describe('a transform of a step', () => {
  const kafka = (partitions: number): PipelineInput => ({
    ...input,
    topics: { kafka: { brokers: ['localhost:9092'], partitions } },
  });
  const plan = (spec: PipelineInput, topic: 'verdicts' | 'advantages') =>
    pipeline(spec)
      .transform(topic, 'mean', () => identity, { unit: 'step' })
      .plan('.');

  it('needs a topic with one partition', () => {
    expect(() => plan(kafka(6), 'verdicts')).toThrow(
      /^transform\.verdicts: mean works on a whole step, and the topic has 6 partitions/,
    );
    for (const spec of [kafka(1), input]) expect(() => plan(spec, 'verdicts')).not.toThrow();
    expect(() => plan(kafka(6), 'advantages')).not.toThrow();
  });
});

it('a name that cannot be part of a topic is refused', () =>
  expect(() => pipeline(input).transform('verdicts', 'half marks', () => identity)).toThrow(RangeError));
