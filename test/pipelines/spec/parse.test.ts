import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { readSpec } from '../../../src/pipelines/spec/parse.js';
import { readSupervision } from '../../../src/supervise/spec.js';

const good = `pipeline: sums
steps: 4
model: { base: models/sums }
prompts: { generate: chain-sum, heldOut: 8 }
privileged: [reference, trace]
rollout: { maxTokens: 48 }
verify: { math: {} }
shape: rlsd
learn: { prompts: 2, lr: 1.0e-4 }
`;
const file = join(mkdtempSync(join(tmpdir(), 'rlsd-spec-')), 'sums.yaml');
const read = (text: string, sets: string[] = []) => {
  writeFileSync(file, text);
  return readSpec(file, sets).spec;
};
const problems = (text: string, sets: string[] = []): string => {
  try {
    read(text, sets);
    return '';
  } catch (error) {
    return (error as Error).message.replaceAll(file, 'sums.yaml');
  }
};

describe('readSpec', () => {
  it('fills in the defaults', () => {
    expect(read(good)).toMatchObject({
      seed: 0,
      topics: 'embedded',
      rollout: { group: 8, temperature: 1 },
      learn: { clip: [0.2, 0.28], epochs: 1, kl: 0 },
      flow: { maxLag: 0, attempts: 3 },
      teach: { every: 10 },
    });
  });
  it.each([
    [
      'an unknown field',
      good.replace('maxTokens', 'temprature: 1, maxTokens'),
      /^sums\.yaml:6:12: rollout\.temprature: unknown field; did you mean temperature\?/m,
    ],
    ['an unknown section', `${good}teech: {}\n`, /^sums\.yaml:10:1: teech: unknown field; did you mean teach\?/m],
    [
      'an unknown method',
      good.replace('shape: rlsd', 'shape: { rsld: {} }'),
      /^sums\.yaml:8:10: shape\.rsld: unknown field; did you mean rlsd\?$/m,
    ],
    [
      'a module without its file',
      good.replace('shape: rlsd', 'shape: { modul: a.mjs }'),
      /^sums\.yaml:8:10: shape\.modul: unknown field; did you mean module\?$/m,
    ],
    [
      'a field of another type',
      good.replace('steps: 4', 'steps: many'),
      /^sums\.yaml:2:1: steps: found "many"; expected a number/m,
    ],
    [
      'a missing field',
      good.replace('rollout: { maxTokens: 48 }', 'rollout: {}'),
      /rollout\.maxTokens: is missing; expected a number/,
    ],
    [
      'a value out of range',
      good.replace('shape: rlsd', 'shape: { rlsd: { weightClip: 3 } }'),
      /sums\.yaml:8:18: shape\.rlsd\.weightClip: found 3/,
    ],
    [
      'two methods',
      good.replace('shape: rlsd', 'shape: { rlsd: {}, grpo: {} }'),
      /sums\.yaml:8:\d+: shape\.\w+: does not go with \w+; expected one or the other/,
    ],
    [
      'two sources of prompts',
      good.replace('heldOut: 8', 'heldOut: 8, file: sums.jsonl'),
      /sums\.yaml:4:\d+: prompts\.file: does not go with generate; expected one or the other/,
    ],
    [
      'held-out prompts in two places',
      `${good.replace('chain-sum }', 'chain-sum, heldOut: 8 }')}evaluate: { file: test.jsonl }\n`,
      /evaluate\.file: does not go with prompts\.heldOut; expected one or the other/,
    ],
    ['moments that never decay', good.replace('lr: 1.0e-4', 'lr: 1.0e-4, betas: [0.9, 1]'), /learn\.betas\.1: found 1/],
    [
      'an unknown method',
      good.replace('shape: rlsd', 'shape: rlds'),
      /shape: found "rlds"; expected one of grpo, rlsd/,
    ],
    ['a key that stands twice', `${good}steps: 5\n`, /sums\.yaml:10:1: found a field twice/],
    ['broken YAML', good.replace('{ math: {} }', '{ math: {'), /sums\.yaml:\d+:\d+: /],
    ['no map at all', 'just text', /sums\.yaml:1:1: expected a map/],
  ])('says where and what on %s', (_, text, message) => expect(problems(text)).toMatch(message));
  it('finds every problem at once', () => {
    expect(problems(good.replace('steps: 4', 'steps: 0').replace('lr: 1.0e-4', 'lr: -1')).split('\n')).toHaveLength(2);
  });
  it('says nothing of samples per step where their number is not known', () => {
    const found = problems(good, ['rollout={grp: 4, maxTokens: 4}', 'learn.prompts=1e19']);
    expect(found).toMatch(/rollout\.grp: unknown field/);
    expect(found).not.toContain('undefined');
  });
  it('is clear about a file that is not there', () => {
    expect(() => readSpec('/nowhere/x.yaml')).toThrow('/nowhere/x.yaml: cannot be read (ENOENT)');
  });

  describe('--set', () => {
    it('overrides by path, in YAML', () => {
      const spec = read(good, ['shape.rlsd.weightClip=[0.8, 2]', 'learn.lr=2e-5', 'topics.kafka.brokers=broker:9092']);
      expect(spec.shape).toMatchObject({ rlsd: { weightClip: [0.8, 2] } });
      expect(spec.learn?.lr).toBe(2e-5);
      expect(spec.topics).not.toBe('embedded');
    });
    it('leaves a field out with null, and refuses no value', () => {
      const spec = read(good, ['learn=null', 'steps=null', 'rollout.temperature=null']);
      expect(spec).not.toHaveProperty('learn');
      expect(spec).not.toHaveProperty('steps');
      expect(spec.rollout?.temperature).toBe(1);
      expect(() => read(good, ['learn.lr='])).toThrow(/learn\.lr: found null; expected a number/);
      expect(() => read(good, ['model=null'])).toThrow(/model: is missing/);
    });
    it('takes the method as one word', () => expect(read(good, ['shape=grpo']).shape).toBe('grpo'));
    it('is named where it is wrong', () => {
      expect(problems(good, ['learn.rate=1'])).toMatch(/^--set learn\.rate: learn\.rate: unknown field/m);
      expect(problems(good, ['from.topic=x'])).toMatch(/^--set from\.topic: from\.run: is missing/m);
      expect(problems(good, ['prompts.module=own.mjs'])).toMatch(
        /^--set prompts\.module: prompts\.module: does not go with generate; expected one or the other$/,
      );
      expect(problems(good, ['verify.sql.tolerance=1'])).toMatch(
        /^\S+:\d+:\d+ with --set verify\.sql\.tolerance: verify: found math, sql, expected one kind/m,
      );
      expect(problems(good, ['topics.kafka.brokers=http://b:9092'])).toMatch(
        /^--set topics\.kafka\.brokers: topics\.kafka\.brokers: found "http:\/\/b:9092"; expected "host:port"/m,
      );
      expect(problems(good, ['learn'])).toBe('--set learn: expected path=value, such as learn.lr=1e-4');
    });
  });
});

describe('the example', () => {
  const example = new URL('../../../examples/arithmetic.yaml', import.meta.url).pathname;
  it('is asked in the words that its base model learnt to read', () => {
    const { spec } = readSupervision(new URL('../../../examples/bases/arithmetic.yaml', import.meta.url).pathname);
    expect(readSpec(example).spec.teach.template).toBe(spec.hinted?.template);
  });
  it('tells editors its schema', () =>
    expect(readFileSync(example, 'utf8')).toMatch(/\$schema=.*pipeline\.schema\.json/));
  it('has no teacher stage as GRPO', () => {
    const names = (sets: string[]) => planOf(readSpec(example, sets).spec, '.').stages.map(({ name }) => name);
    expect(names([])).toContain('teach');
    expect(names(['shape=grpo'])).not.toContain('teach');
  });
});
