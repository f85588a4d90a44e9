import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withMethods } from '../../scripts/generated/method-table.mjs';
import { fields } from '../../scripts/generated/schema-fields.mjs';
import { defineMethod } from '../../src/methods/bind.js';
import type { MethodDefinition } from '../../src/methods/method.js';
import { methods } from '../../src/methods/registry.js';
import { shapeLine } from '../../src/methods/shape-line.js';
import { registeredMethod, shapeSchema } from '../../src/methods/shape-spec.js';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { pipelineSchema } from '../../src/pipelines/spec/spec.js';
import { tinyFolder, tinyPipeline } from '../runs/tiny-run.js';

/** A method that no other file knows. */
const scaled = defineMethod({
  name: 'scaled',
  summary: 'The reward itself, scaled.',
  settings: z.strictObject({ by: z.number().positive().default(2).describe('Factor.') }),
  statistics: { factor: 'The factor.' },
  create: ({ by }) => ({
    teacher: { scores: 'topK', k: 4, model: 'self', context: 'none' },
    usesUniformGroups: true,
    schedules: () => ({ by }),
    shape: ({ samples }) =>
      samples.map(({ reward, mask }) => ({
        advantage: by * reward,
        tokenAdvantages: Float64Array.from(mask, (trains) => (trains ? by * reward : 0)),
        stats: { factor: by },
      })),
  }),
});
const registry: readonly MethodDefinition[] = [...methods, scaled];

describe('a registry with one method more', () => {
  const shape = shapeSchema(registry);
  const schema = pipelineSchema.safeExtend({ shape });

  it.each([['scaled'], [{ scaled: { by: 3 } }], ['grpo']])('reads shape: %j in a spec', (value) => {
    expect(schema.safeParse({ ...tinyPipeline, shape: value }).success).toBe(true);
  });

  it('checks its settings in the spec', () => {
    expect(schema.safeParse({ ...tinyPipeline, shape: { scaled: { by: 0 } } }).error?.issues[0]?.path).toEqual([
      'shape',
      'scaled',
      'by',
    ]);
    expect(() => checkSpec({ ...tinyPipeline, shape: 'scaled' })).toThrow(/shape: found "scaled"; expected one of/);
  });

  it('has it in the JSON Schema', () => {
    const json = z.toJSONSchema(shape, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
    const validate = new Ajv({ strict: false }).compile(json);
    expect(validate({ scaled: { by: 3 } })).toBe(true);
    expect(validate({ scaled: { by: -3 } })).toBe(false);
    expect(validate('scaled')).toBe(true);
    expect(fields({ properties: { shape: json } }).map(({ path }) => path)).toContain('shape.scaled.by');
  });

  it('has it in the documentation', () => {
    const page = withMethods('<!-- methods: `npm run records` --><!-- end of methods -->', registry);
    expect(page).toContain('| `scaled` | The reward itself, scaled. | scores of the 4 likeliest tokens by a snapshot');
    expect(page).toContain('| `shape.scaled.by` | number above 0 | `2` | Factor. |');
    expect(page).toContain('| `factor` | The factor. |');
  });

  it('plans the stages that it asks for, and checks them', async () => {
    const method = registeredMethod({ scaled: { by: 3 } }, registry);
    const spec = checkSpec({ ...tinyPipeline, privileged: [], shape: 'grpo' });
    const plan = planOf(spec, tinyFolder(), [], { method });
    expect(plan.stages.map(({ name }) => name)).toContain('teach');
    expect(await checkPlan(plan)).toEqual([]);
  });

  it('shapes JSON lines with it', () => {
    const line = { id: 'a', method: 'grpo', rewards: [1, 0], studentLogprobs: [[-1], [-1]], mask: [[1], [1]], step: 0 };
    expect(shapeLine(line, 'stdin:1', registry).advantages).toHaveLength(2);
    expect(() => shapeLine({ ...line, method: 'scaled' }, 'stdin:1', registry)).toThrow(/found no teacher scores/);
    expect(() => shapeLine({ ...line, method: 'scaled' }, 'stdin:1')).toThrow(/unknown method "scaled"/);
  });
});
