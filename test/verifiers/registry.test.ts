import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fields } from '../../scripts/generated/schema-fields.mjs';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { check, findProblems } from '../../src/support/check.js';
import { moduleKind, verifierKinds } from '../../src/verifiers/registry.js';
import { verifyProblems } from '../../src/verifiers/spec.js';

const pipeline = (verify: unknown) => ({
  pipeline: 'p',
  steps: 1,
  model: { base: 'm' },
  prompts: { generate: 'chain-sum' },
  rollout: { maxTokens: 4 },
  verify,
  shape: 'grpo',
  learn: { prompts: 1, lr: 0.1 },
});

describe('every kind of verifier', () => {
  it.each([...verifierKinds, moduleKind])('$name describes each of its settings', ({ settings }) => {
    const rows = fields(z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }));
    expect(rows.filter(({ description }) => description === '')).toEqual([]);
  });

  it.each(verifierKinds)('$name reports an unknown setting with its path', ({ name, settings }) => {
    const known = fields(z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' })).map(({ path }) => path);
    const unknown = fc.stringMatching(/^[a-z]{1,8}$/).filter((field) => !known.includes(field));
    fc.assert(
      fc.property(unknown, fc.nat(), (field, i) => {
        const spec = { all: [...Array.from({ length: i % 3 }, () => ({ math: {} })), { [name]: { [field]: 1 } }] };
        const found = verifyProblems(spec).filter(({ kind }) => kind === 'unknown-field');
        expect(found.map(({ path }) => path)).toEqual([['all', i % 3, name, field]]);
      }),
    );
  });
});

describe('the verify block of a pipeline', () => {
  it('is checked with the rest of the spec, all problems at once', () => {
    const verify = { all: [{ math: { precision: 99 } }, { code: { limits: { cpu: 1 } } }] };
    expect(() => checkSpec(pipeline(verify))).toThrow(
      /verify\.all\.0\.math\.precision: found the number 99, expected a number of at most 15[\s\S]*limits\.cpu: unknown field/,
    );
  });

  it('is kept as written', () => {
    const verify = { math: { precision: 3 } };
    expect(checkSpec(pipeline(verify)).verify).toEqual(verify);
  });
});

describe('a problem', () => {
  it('never quotes text that may be secret', () => {
    const schema = z.strictObject({ token: z.number(), list: z.array(z.int()), url: z.string().max(3) });
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z]{12,20}$/), (secret) => {
        const messages = findProblems(schema, { token: secret, list: [secret], url: secret });
        expect(messages).toHaveLength(3);
        expect(JSON.stringify(messages)).not.toContain(secret);
      }),
    );
  });

  it('treats null as absent', () => {
    expect(check(z.strictObject({ a: z.number().default(1) }), { a: null }, 'x')).toEqual({ a: 1 });
  });
});
