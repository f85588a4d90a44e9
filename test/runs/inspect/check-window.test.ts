import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkData } from '../../../src/pipelines/plan/check-data.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';
import { openWindowCheck } from '../../../src/runs/inspect/check-window.js';
import { tinyFolder, tinyPipeline } from '../tiny-run.js';

/** Problems of the prompts and documents of a pipeline on a model with a context of 64 tokens. */
async function problemsOf(change: Partial<PipelineInput>, files: Record<string, string> = {}) {
  const folder = tinyFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const plan = planOf(checkSpec({ ...tinyPipeline, ...change }), folder);
  const window = await openWindowCheck(plan);
  try {
    const { problems } = await checkData(plan, window?.check);
    return { problems: [...(window?.problems ?? []), ...problems], documents: window?.documents };
  } finally {
    await window?.close();
  }
}

const line = (id: string, words: number, trace: string) =>
  JSON.stringify({ id, question: Array(words).fill('1').join(' + '), answer: '1', trace });

it('a prompt, or what the teacher is shown with it, has to leave room for a completion', async () => {
  const prompts = { file: 'items.jsonl', heldOut: 0 };
  const lines = [line('fits', 2, '1 + 1'), line('long', 32, '1'), line('taught', 2, '1 + '.repeat(28))];
  const { problems } = await problemsOf({ prompts }, { 'items.jsonl': lines.join('\n') });
  expect([...problems].sort()).toEqual([
    expect.stringMatching(/^items\.jsonl:2: the prompt has \d+ tokens, .*; expected at most 64, the model's context$/),
    expect.stringMatching(/^items\.jsonl:3: the teacher's prompt with its context has \d+ tokens, which with rollout/),
  ]);
  expect(
    (await problemsOf({ prompts, shape: 'grpo', privileged: [] }, { 'items.jsonl': lines.join('\n') })).problems,
  ).toHaveLength(1);
});

it('documents are read, and those of a prompt count', async () => {
  const privileged = { sources: [{ files: ['*.md'] }], join: [{ documents: ['long.md'] }] };
  const teach = { every: 2, template: '{{ context }} {{ question }}' };
  const files = { 'long.md': `# Title\n\n${'1 + '.repeat(40)}`, 'broken.md': '' };
  const { problems, documents } = await problemsOf({ privileged, teach, prompts: { file: 'sums.jsonl' } }, files);
  expect(documents).toBe(1);
  expect(problems[0]).toContain('broken.md');
  expect(problems.slice(1)).toHaveLength(40);
});

it('a prompt of a generator is named', async () => {
  const { problems } = await problemsOf({
    prompts: { generate: 'chain-sum', heldOut: 0, limit: 1 },
    shape: 'grpo',
    privileged: [],
    rollout: { group: 4, maxTokens: 63 },
  });
  expect(problems[0]).toMatch(/^chain-sum: chain-sum-\S+: the prompt has \d+ tokens, /);
});
