import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Transform } from '../../src/operators/transform.js';
import type { Components } from '../../src/pipelines/plan/components.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import type { TopicRecords } from '../../src/records/records.js';
import { type RunEvent, runPipeline, type Summary } from '../../src/runs/run.js';
import { topicDigest } from '../../src/topics/digest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { fromRecord, type TopicName } from '../../src/topics/record-codec.js';
import { scan } from '../../src/topics/scan.js';
import { tinyModel } from '../models/tiny-model.js';

/** A folder with a tiny random model in `model` and a file of short sums, `sums.jsonl`; gone after the test. */
export function tinyFolder(lines = sums(40)): string {
  const folder = newTinyFolder(lines);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same for several tests, which remove it. */
export function newTinyFolder(lines = sums(40)): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-run-'));
  tinyModel({ folder: join(folder, 'model'), hiddenSize: 16, layers: 1, contextLength: 64, gain: 2 });
  writeFileSync(join(folder, 'sums.jsonl'), `${lines.join('\n')}\n`);
  return folder;
}

/** Module of an engine of constants, for runs without a model. */
export const constantEngine = fileURLToPath(new URL('../fakes/constant-engine.mjs', import.meta.url));

/** Lines of a prompts file. */
export const sums = (count: number): string[] =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({ id: `s${n}`, question: `${n} + 1 =`, answer: String(n + 1), trace: `${n} + 1 = ${n + 1}` }),
  );

/** A pipeline of seconds: two prompts of four samples a step, about half of them rewarded. */
export const tinyPipeline = {
  pipeline: 'tiny',
  seed: 3,
  steps: 4,
  model: { base: 'model', workers: 1 },
  prompts: { file: 'sums.jsonl', heldOut: 4 },
  privileged: ['trace'],
  rollout: { group: 4, maxTokens: 6 },
  verify: { regex: { pattern: '[0-4]' } },
  teach: { every: 2, template: '{{ trace }} {{ question }}' },
  shape: { rlsd: { lambda: 1, weightClip: [0.5, 2] } },
  learn: { prompts: 2, lr: 1e-2, threads: 1 },
  evaluate: { every: 2 },
} satisfies PipelineInput;

export interface TinyRun {
  readonly folder: string;
  readonly summary: Summary;
  readonly events: readonly RunEvent[];
}

/** Runs the tiny pipeline, changed as given, in `base`'s subfolder `name`. */
export async function tinyRun(
  base: string,
  name: string,
  change: Partial<PipelineInput> = {},
  rest: {
    components?: Components;
    stages?: readonly string[];
    transforms?: readonly Transform[];
    signal?: AbortSignal;
    onStep?: () => void;
  } = {},
): Promise<TinyRun> {
  const { transforms, onStep, ...options } = rest;
  const plan = planOf(checkSpec({ ...tinyPipeline, ...change }), base, transforms);
  const events: RunEvent[] = [];
  const folder = join(base, name);
  const onEvent = (event: RunEvent) => {
    events.push(event);
    if (event.event === 'step') onStep?.();
  };
  const summary = await runPipeline({ plan, folder, onEvent, ...options });
  return { folder, summary, events };
}

/** Digest by topic. */
export async function digests(run: string): Promise<Record<string, string>> {
  const log = await openEmbedded(join(run, 'topics'), { readOnly: true });
  const topics = (await log.describe()).map(({ name }) => name);
  const entries = await Promise.all(topics.map(async (name) => [name, (await topicDigest(log, name)).digest]));
  await log.close();
  return Object.fromEntries(entries);
}

/** A topic's records, decoded; gap markers are left out. */
export async function records<K extends TopicName>(run: string, topic: K, name: string = topic) {
  const log = await openEmbedded(join(run, 'topics'), { readOnly: true });
  const found: TopicRecords[K][] = [];
  let gaps = 0;
  for await (const record of scan(log, name, 0)) {
    if (record.value === null) gaps++;
    else found.push(fromRecord(topic, { ...record, value: record.value }));
  }
  await log.close();
  return Object.assign(found, { gaps });
}
