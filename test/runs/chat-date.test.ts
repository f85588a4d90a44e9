import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/models/folder.js';
import { readTokenizer } from '../../src/models/tokenizer.js';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { readManifest } from '../../src/runs/manifest/manifest.js';
import { records, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

const turns =
  "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

/** A folder whose model has this chat template. */
function withTemplate(template: string): string {
  const base = tinyFolder();
  writeFileSync(join(base, 'model', 'chat_template.jinja'), template);
  return base;
}

const on = (day: string): void => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(`${day}T12:00:00Z`) });
};

afterEach(() => {
  vi.useRealTimers();
});

it('a template that prints the date prints that of the first start, also when resumed and replayed on other days', async () => {
  const base = withTemplate(`{{ strftime_now('%d') }}${turns}`);
  const short = { steps: 2, prompts: { file: 'sums.jsonl', heldOut: 0 }, shape: 'grpo' } as const;
  const folder = join(base, 'run');
  on('2026-03-09');
  const stop = new AbortController();
  const stopped = tinyRun(base, 'run', short, { signal: stop.signal, onStep: () => stop.abort() });
  await expect(stopped).rejects.toThrow('stopped');
  expect(readManifest(folder).date).toBe('2026-03-09');
  on('2026-03-17');
  await tinyRun(base, 'run', short);
  const samples = await records(folder, 'rollouts');
  expect(new Set(samples.map(({ step }) => step)).size).toBeGreaterThan(1);
  const { encode } = readTokenizer(join(base, 'model'), readConfig(join(base, 'model')).vocabSize);
  const day = [...encode('09')];
  for (const { promptTokens } of samples)
    expect(day.map((_, i) => Buffer.from(promptTokens).readInt32LE(4 * i))).toEqual(day);
  on('2026-04-23');
  expect(await verifyRun(folder)).toMatchObject({ equal: true, mode: 'source' });
});

it('a template without a date leaves it out of the manifest', async () => {
  const base = withTemplate(turns);
  const { folder } = await tinyRun(base, 'run', { steps: 1, shape: 'grpo' });
  expect(readManifest(folder)).not.toHaveProperty('date');
});

it.each([
  [
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}",
    /System role not supported/,
  ],
  ['{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}', /too many steps/],
  ['{% include "other" %}', /\{% include %\} is not supported/],
])('check names what a chat template refuses: %.30s', async (prefix, message) => {
  const base = withTemplate(prefix + turns);
  const prompts = { file: 'sums.jsonl', heldOut: 0, system: 'be brief' };
  const problems = await checkPlan(planOf(checkSpec({ ...tinyPipeline, prompts }), base));
  expect(problems.join('\n')).toMatch(message);
});
