import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Method } from '../../src/methods/method.js';
import { loadMethod, loadPlan } from '../../src/pipelines/plan/load-method.js';
import { checkSpec, readSpec } from '../../src/pipelines/spec/parse.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { readManifest } from '../../src/runs/manifest/manifest.js';
import { runPipeline } from '../../src/runs/run.js';
import { records, tinyFolder, tinyPipeline } from '../runs/tiny-run.js';
import { groupOf, judged, nth } from './groups.js';

const module = join(import.meta.dirname, '../../examples/methods/leave-one-out.mjs');
const advantages = (method: Method, rewards: readonly number[]) =>
  method.shape(groupOf(...rewards.map((reward) => judged(reward, [-1], null))), 0).map(({ advantage }) => advantage);

describe('examples/methods/leave-one-out.mjs', () => {
  it('compares each completion with the mean of the others', async () => {
    expect(advantages(await loadMethod({ module }, '.'), [1, 0, 0.5])).toEqual([0.75, -0.75, 0]);
  });

  it('counts failures by its setting', async () => {
    expect(advantages(await loadMethod({ module, failures: 0 }, '.'), [1, 0])).toEqual([1, -0]);
    await expect(loadMethod({ module, failures: 2 }, '.')).rejects.toThrow(
      'shape.failures: found 2; expected a number of at most 1',
    );
  });

  it('sums to 0 in every group, and a group of one has none', async () => {
    const method = await loadMethod({ module }, '.');
    const reward = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(reward, { minLength: 1, maxLength: 8 }), (rewards) => {
        expect(advantages(method, rewards).reduce((a, b) => a + b, 0)).toBeCloseTo(0, 9);
      }),
    );
    expect(advantages(method, [0.3])).toEqual([0]);
  });

  it('trains in a pipeline that names the file, which the manifest records', async () => {
    const base = tinyFolder();
    const shape = { module, failures: 0.5 };
    const spec = checkSpec({ ...tinyPipeline, steps: 2, privileged: [], shape });
    const folder = join(base, 'run');
    const summary = await runPipeline({ plan: await loadPlan(spec, base), folder });
    expect(summary).toMatchObject({ steps: 2, records: { advantages: 16, 'dead-letters': 0 } });
    const shaped = await records(folder, 'advantages');
    const method = await loadMethod(shape, base);
    for (const { stats, shaper, teacherVersion } of shaped) {
      expect(Object.keys(stats)).toEqual(['baseline']);
      expect([shaper, teacherVersion]).toEqual([method.id, null]);
    }
    const steps = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'learn');
    expect(nth(steps, 0).values.baseline).toBeCloseTo(
      shaped.filter(({ step }) => step === 0).reduce((sum, { stats }) => sum + Number(stats.baseline), 0) / 8,
      9,
    );
    expect(readManifest(folder).methodModule).toMatch(/^[0-9a-f]{64}$/);
    const opened = await openRunFolder(folder);
    expect(opened.plan.method.id).toBe(method.id);
    await opened.log.close();
  });

  it('is what examples/leave-one-out.yaml trains with', async () => {
    const { spec, folder } = readSpec('examples/leave-one-out.yaml');
    const plan = await loadPlan(spec, folder);
    expect(plan.method.name).toBe('leave-one-out');
    expect(plan.stages.map(({ name }) => name)).not.toContain('teach');
  });
});
