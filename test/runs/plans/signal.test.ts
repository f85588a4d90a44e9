import { filter } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { defineTransform } from '../../../src/operators/transform.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { RunEvent, Summary } from '../../../src/runs/run.js';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

const warnings = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === 'warning' ? [event.message] : []));
const signalOf = ({ signal }: Summary) => {
  if (!signal) throw new Error('no signal');
  return signal;
};

describe('the signal of a run', () => {
  it('is what its topics contain, also after a stop', async () => {
    const base = tinyFolder();
    const change = { steps: 6 };
    const { folder, summary } = await tinyRun(base, 'whole', change);
    const advantages = await records(folder, 'advantages');
    const scores = await records(folder, 'teacher-scores');
    const withSignal = new Set(advantages.filter(({ advantage }) => advantage !== 0).map(({ promptId }) => promptId));
    const signal = signalOf(summary);
    expect(signal).toMatchObject({
      groups: 12,
      groupsWithSignal: withSignal.size,
      samples: 48,
      unparseable: 0,
      truncated: scores.filter(({ finishReason }) => finishReason === 'length').length,
      lost: 0,
      teacherAsked: scores.filter(({ teacherVersion }) => teacherVersion !== null).length,
      weightsChanged: true,
    });
    expect(signal.teacherMoved).toBeGreaterThan(0);
    expect(summary.reward?.mean).toBeCloseTo(scores.reduce((sum, { reward }) => sum + reward, 0) / 48, 10);

    const abort = new AbortController();
    const stopped = tinyRun(base, 'halves', change, { signal: abort.signal, onStep: () => abort.abort() });
    await expect(stopped).rejects.toThrow(/halves` continues from here/);
    const resumed = await tinyRun(base, 'halves', change);
    expect(resumed.summary.signal).toEqual(signal);
    expect(resumed.summary.reward).toEqual(summary.reward);
  });

  it('is none where no completion is rewarded, which a warning and its record tell at once', async () => {
    const change = { verify: { regex: { pattern: 'never' } }, steps: 2 };
    const { folder, summary, events } = await tinyRun(tinyFolder(), 'run', change);
    expect(signalOf(summary)).toMatchObject({ groupsWithSignal: 0, teacherAsked: 0, weightsChanged: false });
    const [first] = warnings(events).filter((message) => message.includes('no group'));
    expect(first).toMatch(/^step 1: no group has a training signal: .*mean reward 0\).*none is correct/);
    const told = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'learn');
    expect(told.map(({ message }) => message?.includes('no group') ?? false)).toEqual([true, false]);
  });

  it('is none in groups of one, which the plan warns of before the run', async () => {
    const change = { rollout: { group: 1, maxTokens: 6 }, shape: 'grpo' as const, privileged: [], steps: 2 };
    const { warnings: planned } = planOf(checkSpec({ ...tinyPipeline, ...change }), '.');
    expect(planned).toEqual([expect.stringMatching(/^rollout.group: found 1; grpo compares .*use at least 2/)]);
    const { summary, events } = await tinyRun(tinyFolder(), 'run', change);
    expect(warnings(events)[0]).toBe(planned[0]);
    expect(signalOf(summary)).toMatchObject({ groups: 4, groupsWithSignal: 0, weightsChanged: false });
  });

  it('tells of contexts that never fit the window', async () => {
    const lines = sums(8).map((line) => JSON.stringify({ ...JSON.parse(line), trace: 'so it goes '.repeat(40) }));
    const change = { steps: 2, prompts: { file: 'sums.jsonl' } };
    const { folder, summary, events } = await tinyRun(tinyFolder(lines), 'run', change);
    const letters = await records(folder, 'dead-letters');
    expect(new Set(letters.map(({ cause }) => cause))).toEqual(new Set(['prompt-too-long']));
    expect(signalOf(summary)).toMatchObject({ groupsWithSignal: 0, lost: letters.length, samples: 16 });
    expect(warnings(events).join('\n')).toMatch(/× prompt-too-long\)/);
  });

  it('counts dropped samples in the mean reward', async () => {
    const base = tinyFolder();
    const plain = await tinyRun(base, 'plain', { steps: 1 });
    const drops = [defineTransform('verdicts', 'kept', () => filter(({ reward }) => reward > 0), { drops: true })];
    const { summary, events } = await tinyRun(base, 'dropped', { steps: 1 }, { transforms: drops });
    const [step] = events.flatMap((event) => (event.event === 'step' ? [event.values] : []));
    expect(step?.samples).toBeLessThan(8);
    expect(step).toMatchObject({ judged: 8, lost: 0 });
    expect(step?.dropped).toBe(8 - (step?.samples ?? 0));
    expect(summary.reward?.mean).toBe(plain.summary.reward?.mean);
  });

  it('counts what a run without training could teach', async () => {
    const untrained: object = { steps: undefined, learn: undefined, shape: undefined, privileged: [] };
    const change = { ...untrained, prompts: { file: 'sums.jsonl', limit: 6 } };
    const { folder, summary } = await tinyRun(tinyFolder(), 'run', change);
    const verdicts = await records(folder, 'verdicts');
    const mixed = [...new Set(verdicts.map(({ promptId }) => promptId))].filter(
      (prompt) => new Set(verdicts.flatMap(({ promptId, reward }) => (promptId === prompt ? [reward] : []))).size > 1,
    );
    expect(signalOf(summary)).toMatchObject({
      ...{ groups: 6, groupsWithSignal: mixed.length, samples: 24 },
      ...{ teacherMoved: null, weightsChanged: null },
    });
  });
});
