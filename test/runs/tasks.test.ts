import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

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
  const { folder, events } = await tinyRun(base, 'run', { ...change, ...({ prompts: undefined } as object) });
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
}, 60_000);
