import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bindMethod } from '../../../src/methods/bind.js';
import { grpoDefinition } from '../../../src/methods/grpo.js';
import { rlsd } from '../../../src/methods/rlsd.js';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { checkPlan } from '../../../src/pipelines/plan/check.js';
import { loadMethod, loadPlan, methodModuleHash } from '../../../src/pipelines/plan/load-method.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { tinyFolder, tinyPipeline } from '../../runs/tiny-run.js';

function moduleFile(text: string): { readonly folder: string; readonly shape: { readonly module: string } } {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-method-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'mine.mjs'), text);
  return { folder, shape: { module: 'mine.mjs' } };
}

const settings = '{ safeParse: (data) => ({ success: true, data }) }';
const definition = (change = '') => `export default {
  name: 'mine', summary: 'Nothing.', settings: ${settings}, statistics: {},
  create: () => ({
    teacher: { scores: 'none' }, usesUniformGroups: false,
    shape: ({ samples }) => samples.map(({ mask }) => ({ advantage: 0, tokenAdvantages: new Float64Array(mask.length), stats: {} })),
  }),
  ${change}
};`;

it.each(['reward', 'kl'])(
  'a statistic must not have the name of a figure of the step or of its loss: %s',
  async (name) => {
    const grpo = bindMethod({ ...grpoDefinition, statistics: { [name]: 'Mine.' } }, {});
    const plan = planOf(checkSpec(tinyPipeline), tinyFolder(), [], { method: grpo });
    expect(await checkPlan(plan)).toContainEqual(
      expect.stringMatching(`^method grpo: statistics.${name}: .* has a figure of this name; rename the statistic$`),
    );
  },
);

describe('loadMethod', () => {
  it('loads a definition from a module and names the method by settings and module', async () => {
    const { folder, shape } = moduleFile(definition());
    const method = await loadMethod(shape, folder);
    expect(method.name).toBe('mine');
    const other = moduleFile(`${definition()}\n// changed`);
    expect((await loadMethod(other.shape, other.folder)).id).not.toBe(method.id);
    expect(methodModuleHash(shape, folder)).not.toBe(methodModuleHash(other.shape, other.folder));
    expect((await loadMethod({ ...shape, strength: 2 }, folder)).id).not.toBe(method.id);
  });

  it.each([
    [
      'no default export',
      'export const method = 1;',
      /mine\.mjs: has no default export; expected `export default defineMethod/,
    ],
    ['another default export', 'export default () => 1;', /default export: .*expected/],
    ['a syntax error', 'export default {', /mine\.mjs: cannot be loaded: /],
    ['no settings', definition('settings: 1'), /default export\.settings: expected a zod schema/],
    ['no create', definition('create: 1'), /default export\.create: expected a function from settings to the method/],
    ['a name that cannot be a key', definition("name: 'My method'"), /default export\.name: expected lower-case/],
    [
      'a teacher that contradicts itself',
      definition("create: () => ({ teacher: { scores: 'topK', model: 'self', context: 'none' } })"),
      /mine\.mjs: method mine: teacher\.k: found undefined/,
    ],
  ])('says what is wrong with a module with %s', async (_, text, message) => {
    const { folder, shape } = moduleFile(text);
    await expect(loadMethod(shape, folder)).rejects.toThrow(message);
    await expect(loadMethod(shape, folder)).rejects.toMatchObject({ code: 'bad-method' });
  });

  it('says which file is missing', async () => {
    await expect(loadMethod({ module: 'gone.mjs' }, '/nowhere')).rejects.toThrow(
      /shape\.module: \/nowhere\/gone\.mjs: cannot be read/,
    );
  });

  it('is needed for a module: a plan made at once says so', () => {
    const spec = checkSpec({ ...tinyPipeline, shape: { module: 'mine.mjs' } });
    expect(() => planOf(spec, '.')).toThrow(/shape\.module: mine\.mjs is a file; import it and pass the method/);
  });
});

describe('a method given as an object', () => {
  const method = bindMethod(grpoDefinition, { scale: 'center' });

  it('is in the plan, and decides its stages', () => {
    const plan = pipeline({ ...tinyPipeline, shape: method }).plan('.');
    expect(plan.method).toBe(method);
    expect(plan.stages.map(({ name }) => name)).not.toContain('teach');
    const taught = pipeline({ ...tinyPipeline, shape: rlsd() }).plan('.');
    expect(taught.stages.map(({ name }) => name)).toContain('teach');
  });

  it('is recorded by its id: the record can be planned, but only the program can run it', async () => {
    const folder = tinyFolder();
    const { spec } = pipeline({ ...tinyPipeline, shape: method }).plan(folder);
    const again = await loadPlan(checkSpec(spec), folder);
    expect(again.method.id).toBe(method.id);
    expect(await checkPlan(again)).toEqual([
      'shape: grpo was given as an object by another program: run it from there, or name a module',
    ]);
  });
});

describe('checkPlan', () => {
  const plan = (change: object) => planOf(checkSpec({ ...tinyPipeline, ...change }), tinyFolder());

  it('demands privileged context only where the teacher reads it', async () => {
    expect(await checkPlan(plan({ privileged: [] }))).toEqual([
      'privileged: is empty, but the teacher of rlsd needs context: expected some of reference, trace',
    ]);
    expect(await checkPlan(plan({ privileged: [], shape: 'grpo' }))).toEqual([]);
  });

  it('refuses a method whose teacher is another model that is not named', async () => {
    const method = { ...rlsd(), teacher: { scores: 'sampled', model: 'separate', context: 'none' } as const };
    const problems = await checkPlan(planOf(checkSpec(tinyPipeline), tinyFolder(), [], { method }));
    expect(problems).toEqual(["teach.model: is missing; expected the folder of rlsd's teacher"]);
  });
});
