import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diffRuns } from '../../../src/replay/diff/diff-runs.js';
import { replayFrom } from '../../../src/replay/from.js';
import { tinyFolder, tinyRun } from '../../runs/tiny-run.js';

const shaped = {
  steps: undefined,
  learn: undefined,
  evaluate: { every: 1 },
  prompts: { file: 'sums.jsonl', limit: 12 },
};

describe('a prediction', () => {
  it('compares two methods on the samples of a run that trains nothing', async () => {
    const base = tinyFolder();
    const { folder } = await tinyRun(base, 'run', shaped as object);
    const to = join(base, 'grpo');
    await replayFrom(folder, { from: 'verdicts', to, set: ['shape={grpo: {scale: center}}'] });
    const { gradient, prediction } = await diffRuns(folder, to, undefined, { predict: true });
    expect(gradient).toMatchObject({ version: 0, cosine: expect.any(Number) });
    expect(prediction).toMatchObject({ prompts: 12, version: 0, batch: 16 });
    const small = (await diffRuns(folder, to, undefined, { predict: 1 })).prediction;
    expect(small?.batch).toBe(1);
    expect(Math.abs(Number(small?.is.value))).toBeLessThan(Math.abs(Number(prediction?.is.value)));
    expect(prediction?.is.error).toBeGreaterThan(0);
    expect(prediction?.difference.value).toBeCloseTo(Number(prediction?.is.value) - Number(prediction?.was.value), 12);
    expect(prediction?.difference.error).toBeGreaterThan(0);
  }, 60_000);

  it('finds no difference where credit is moved nowhere', async () => {
    const base = tinyFolder();
    const { folder } = await tinyRun(base, 'run', { ...shaped, shape: { rlsd: { lambda: 0 } } } as object);
    const to = join(base, 'grpo');
    await replayFrom(folder, { from: 'verdicts', to, set: ['shape=grpo'] });
    const { prediction } = await diffRuns(folder, to, undefined, { predict: true });
    expect(prediction).toMatchObject({ difference: { value: 0, error: 0 } });
  }, 60_000);

  it('needs some prompts, and is made only where it is asked for', async () => {
    const base = tinyFolder();
    const { folder } = await tinyRun(base, 'run', { ...shaped, prompts: { file: 'sums.jsonl', limit: 3 } } as object);
    const to = join(base, 'grpo');
    await replayFrom(folder, { from: 'verdicts', to, set: ['shape=grpo'] });
    expect((await diffRuns(folder, to, undefined, { predict: true })).prediction).toBeNull();
    expect((await diffRuns(folder, to)).prediction).toBeNull();
  }, 60_000);
});
