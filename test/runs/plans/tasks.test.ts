import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { byTask, taskNameOf } from '../../../src/pipelines/spec/tasks.js';
import { digests, records, sums, tinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

it('mixes tasks by weight, each with its verifier, template and held-out accuracy', async () => {
  const base = tinyFolder();
  // The same ids as in sums.jsonl.
  writeFileSync(join(base, 'more.jsonl'), `${sums(20).join('\n')}\n`);
  const tasks = {
    digits: { prompts: { file: 'sums.jsonl', heldOut: 4 }, weight: 2 },
    any: {
      prompts: { file: 'more.jsonl', heldOut: 2 },
      verify: { regex: { pattern: '[\\s\\S]*' } },
      teach: { template: 'Hint: {{ trace }} {{ question }}' },
    },
  };
  const change = { tasks, steps: 3, learn: { ...tinyPipeline.learn, prompts: 3 }, evaluate: { every: 1 } };
  const { folder, events, summary } = await tinyRun(base, 'run', { ...change, ...({ prompts: undefined } as object) });
  const prompts = await records(folder, 'prompts');
  expect(prompts.slice(0, 9).map(({ itemId }) => itemId.split('/')[0])).toEqual([
    ...['digits', 'digits', 'any'],
    ...['digits', 'digits', 'any'],
    ...['digits', 'digits', 'any'],
  ]);
  const verdicts = await records(folder, 'verdicts');
  const hashes = (task: string) =>
    new Set(verdicts.filter(({ itemId }) => itemId.startsWith(task)).map(({ verifierHash }) => verifierHash));
  expect(hashes('digits').size).toBe(1);
  expect(hashes('any').size).toBe(1);
  expect(hashes('any')).not.toEqual(hashes('digits'));
  expect(verdicts.filter(({ itemId }) => itemId.startsWith('any/')).every(({ verdict }) => verdict === 'correct')).toBe(
    true,
  );
  const measured = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'evaluate');
  expect(measured.at(-1)?.values).toMatchObject({ n: 6, 'n/digits': 4, 'n/any': 2, 'accuracy/any': 1 });
  expect(events.find(({ event }) => event === 'heldOut')).toMatchObject({ tasks: { any: { n: 2, accuracy: 1 } } });
  const steps = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'learn');
  for (const { values } of steps) {
    expect(values).toMatchObject({ 'correct/any': 1, 'reward/any': 1, 'reward/digits': expect.any(Number) });
    // Two of the three prompts of a step are of `digits`.
    expect(values.correct).toBeCloseTo((2 * Number(values['correct/digits']) + 1) / 3);
  }
  const { before, after, tasks: each } = summary.heldOut;
  expect([before, after]).toEqual([expect.any(Number), expect.any(Number)]);
  expect(each).toMatchObject({ any: { before: 1, after: 1, n: 2 }, digits: { n: 4 } });
}, 60_000);

const twoTasks = (limits: { digits?: object; any?: object } = {}) =>
  ({
    prompts: undefined,
    tasks: {
      digits: { prompts: { file: 'sums.jsonl', heldOut: 4, ...limits.digits } },
      any: { prompts: { file: 'sums.jsonl', heldOut: 2, ...limits.any }, verify: { regex: { pattern: '[\\s\\S]*' } } },
    },
  }) as object;

it('trains on tasks to the same records whether it was stopped or not', async () => {
  const base = tinyFolder();
  const change = { ...twoTasks(), steps: 6 };
  const once = await tinyRun(base, 'once', change);
  const abort = new AbortController();
  await tinyRun(base, 'twice', change, { signal: abort.signal, onStep: () => abort.abort() }).catch(() => {});
  const twice = await tinyRun(base, 'twice', change);
  expect(await digests(twice.folder)).toEqual(await digests(once.folder));
  expect(twice.summary.heldOut).toEqual(once.summary.heldOut);
}, 120_000);

it('samples and judges the tasks up to the limit of each, without learn', async () => {
  const untrained = { learn: undefined, steps: undefined, shape: undefined } as object;
  const limited = twoTasks({ digits: { limit: 3 }, any: { limit: 2 } });
  const { folder, summary } = await tinyRun(tinyFolder(), 'judged', { ...limited, ...untrained });
  expect(summary.judged).toMatchObject({ topic: 'verdicts', prompts: 5, samples: 20 });
  const verdicts = await records(folder, 'verdicts');
  const ofAny = verdicts.filter(({ itemId }) => itemId.startsWith('any/'));
  expect(ofAny).toHaveLength(8);
  expect(ofAny.every(({ verdict }) => verdict === 'correct')).toBe(true);
}, 60_000);

it('refuses an item of no task of the pipeline, and names the tasks', () => {
  const task = { prompts: { file: 'sums.jsonl', heldOut: 0 }, weight: 1 };
  const spec = { tasks: { digits: task, any: task } };
  const find = byTask(spec, new Map(Object.entries({ digits: 1, any: 2 })));
  expect([find('digits/a/b'), find('any/a')]).toEqual([1, 2]);
  expect(taskNameOf({ tasks: undefined }, 'any/a')).toBe('');
  for (const id of ['words/a', 'plain', '/a', 'digits'])
    expect(() => find(id)).toThrow(`item ${id}: belongs to no task of the pipeline; expected one of digits/…, any/…`);
});
