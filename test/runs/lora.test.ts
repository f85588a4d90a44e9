import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelUnder } from '../../src/cli/commands/models/adapter.js';
import { modelDigest, readConfig } from '../../src/models/folder.js';
import { readAdapter } from '../../src/models/lora/folder.js';
import { initialAdapter } from '../../src/pipelines/plan/adapter.js';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { diffRuns } from '../../src/replay/diff/diff-runs.js';
import { replayFrom } from '../../src/replay/from.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { exportRun } from '../../src/runs/bundle/export.js';
import { importRun } from '../../src/runs/bundle/import.js';
import { tinyModel } from '../models/tiny-model.js';
import { digests, newTinyFolder, records, type TinyRun, tinyPipeline, tinyRun } from './tiny-run.js';

type Lora = NonNullable<PipelineInput['model']['lora']>;

const change = (lora: Lora) => ({
  steps: 2,
  model: { ...tinyPipeline.model, lora },
  teach: { ...tinyPipeline.teach, every: 1 },
  publish: { keep: 1 },
});
const lora: Lora = { rank: 2, targets: ['q_proj', 'v_proj', 'down_proj'] };

let base: string;
let run: TinyRun;

beforeAll(async () => {
  base = newTinyFolder();
  run = await tinyRun(base, 'run', change(lora));
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Runs `work` while the base model is missing. */
async function withoutModel<T>(work: () => Promise<T>): Promise<T> {
  renameSync(join(base, 'model'), join(base, 'gone'));
  try {
    return await work();
  } finally {
    renameSync(join(base, 'gone'), join(base, 'model'));
  }
}

describe('a run that trains an adapter', () => {
  it('publishes the adapter alone, from the one that changes nothing', async () => {
    const weights = await records(run.folder, 'weights');
    expect(weights.map(({ version, format }) => [version, format])).toEqual([
      [0, 'adapter'],
      [1, 'adapter'],
      [2, 'adapter'],
    ]);
    const config = readConfig(join(base, 'model'));
    for (const { location, digest } of weights) {
      const folder = join(run.folder, location ?? '');
      expect(readdirSync(folder).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
      expect(modelDigest(folder)).toBe(digest);
    }
    const valuesOf = (version: number, matrix: string) =>
      [...readAdapter(join(run.folder, 'weights', `v00000${version}`), config).parameters]
        .filter(([name]) => name.includes(matrix))
        .flatMap(([, { data }]) => [...data]);
    expect(valuesOf(0, 'lora_B').every((value) => value === 0)).toBe(true);
    expect(valuesOf(0, 'lora_A').every((value) => value !== 0)).toBe(true);
    expect(valuesOf(2, 'lora_B').some((value) => value !== 0)).toBe(true);
    const scores = await records(run.folder, 'teacher-scores');
    const taught = scores.filter(({ teacherVersion }) => teacherVersion !== null);
    expect(new Set(taught.map(({ policyVersion }) => policyVersion))).toEqual(new Set([0, 1]));
    expect(taught.every(({ policyVersion, teacherVersion }) => policyVersion === teacherVersion)).toBe(true);
  });

  it('gives the same records when it is stopped and resumed, and its weights are lost and made again', async () => {
    const stop = new AbortController();
    const options = { signal: stop.signal, onStep: () => stop.abort() };
    await tinyRun(base, 'resumed', change(lora), options).catch(() => {});
    writeFileSync(join(base, 'resumed/weights/v000000/adapter_model.safetensors'), 'damaged');
    await tinyRun(base, 'resumed', change(lora));
    const [resumed, whole] = [await digests(join(base, 'resumed')), await digests(run.folder)];
    for (const topic of ['rollouts', 'advantages', 'weights']) expect(resumed[topic], topic).toBe(whole[topic]);
  }, 60_000);

  it('is repeated bit by bit from a bundle, without the folder of its base', async () => {
    await exportRun(run.folder, { to: join(base, 'run.tar') });
    await withoutModel(async () => {
      await importRun(join(base, 'run.tar'), join(base, 'imported'));
      expect(await verifyRun(join(base, 'imported'))).toMatchObject({ equal: true, mode: 'source' });
    });
  }, 60_000);

  it('is replayed with other settings, and compared at the weights of its adapter', async () => {
    const to = join(base, 'replayed');
    await replayFrom(run.folder, { from: 'teacher-scores', set: ['shape.rlsd.lambda=0.5'], to });
    const { gradient } = await diffRuns(run.folder, to);
    expect(gradient).toMatchObject({ step: 0, version: 0 });
  }, 60_000);

  it('begins from an adapter, with which the spec has to agree', async () => {
    const adapter = 'run/weights/v000002';
    const spec = (given: Lora) => checkSpec({ ...tinyPipeline, ...change(given) });
    const found = readAdapter(join(base, adapter), readConfig(modelUnder(join(base, adapter))));
    expect(initialAdapter(spec({ adapter }), base)).toEqual({ ...found, base: 'model' });
    const problems = (given: Lora) => checkPlan(planOf(spec(given), base));
    expect((await problems({ adapter, rank: 4 })).join()).toContain('model.lora.rank: found 4, but the adapter');
    tinyModel({ folder: join(base, 'wide'), hiddenSize: 32, layers: 1 });
    const other = { ...tinyPipeline, ...change({ adapter }), model: { base: 'wide', lora: { adapter } } };
    expect((await checkPlan(planOf(checkSpec(other), base))).join()).toMatch(
      /adapter_model.safetensors: tensor .*q_proj.lora_A.weight has shape \[2,16\], expected \[2,32\]/,
    );
    const config = join(base, adapter, 'adapter_config.json');
    const written = readFileSync(config, 'utf8');
    writeFileSync(config, written.replace('"use_dora": false', '"use_dora": true'));
    expect((await problems({ adapter })).join()).toContain('field "use_dora" is true; expected false');
    writeFileSync(config, written);
    expect(existsSync(join(run.folder, 'base'))).toBe(false);
  }, 60_000);
});
