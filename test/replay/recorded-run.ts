import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { defineSpec } from '../../src/pipelines/spec/parse.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { runPipeline } from '../../src/runs/run.js';
import { required } from '../../src/support/required.js';
import { topicDigest } from '../../src/topics/digest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { LogRecord } from '../../src/topics/log.js';
import { scan } from '../../src/topics/scan.js';
import { tinyModel } from '../models/tiny-model.js';

/** A finished run of 2 steps with 3 prompts of 4 samples each, made once for all tests of a file. */
export interface RecordedRun {
  /** Folder for the test file's runs, deleted at its end. */
  readonly root: string;
  /** Folder of the recorded run. */
  readonly folder: string;
}

export function recordedRun(): RecordedRun {
  const root = mkdtempSync(join(tmpdir(), 'rlsd-replay-'));
  const folder = join(root, 'recorded');
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  beforeAll(async () => {
    // A small number is one token of the tiny model, which a random model sometimes says.
    const lines = Array.from({ length: 12 }, (_, i) =>
      JSON.stringify({ id: `q${i}`, question: `${i} + 0`, answer: 'the' }),
    );
    writeFileSync(join(root, 'prompts.jsonl'), lines.join('\n'));
    const spec = defineSpec({
      pipeline: 'tiny',
      seed: 3,
      steps: 2,
      model: { base: tinyModel({ folder: join(root, 'model') }), workers: 1 },
      prompts: { file: 'prompts.jsonl', heldOut: 2 },
      privileged: ['reference'],
      rollout: { group: 4, maxTokens: 8 },
      verify: { regex: { pattern: '[0-4]' } },
      teach: { every: 1, template: '{{ question }} = {{ reference }}' },
      shape: 'rlsd',
      learn: { prompts: 3, lr: 1e-3, threads: 1 },
      evaluate: { every: 1 },
    });
    await runPipeline({ plan: planOf(spec, root), folder });
  }, 120_000);
  return { root, folder };
}

/** A copy of the recorded run with changed or missing records of one topic. */
export async function tampered(
  { root, folder: recorded }: RecordedRun,
  name: string,
  topic: string,
  change: (record: LogRecord) => LogRecord | null,
  retention?: { readonly bytes: number },
): Promise<string> {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const part of ['manifest.json', 'weights'])
    cpSync(join(recorded, part), join(folder, part), { recursive: true });
  const { log, plan } = await openRunFolder(recorded);
  const copy = await openEmbedded(join(folder, 'topics'));
  await copy.ensureTopics(
    plan.topics.map((spec) => (spec.name === topic && retention ? { ...spec, retention } : spec)),
  );
  for (const { name: each } of plan.topics)
    for await (const record of scan(log, each, 0)) {
      const kept = each === topic ? change(record) : record;
      if (kept) await copy.append([{ topic: each, key: kept.key, value: kept.value, headers: kept.headers }]);
    }
  await copy.close();
  await log.close();
  return folder;
}

/** Flips one bit in the middle of the record at an offset. */
export const flipAt = (offset: bigint) => (record: LogRecord) => {
  if (record.offset !== offset || record.value === null) return record;
  const value = Uint8Array.from(record.value);
  const at = value.length >> 1;
  value[at] = required(value[at], 'middle byte') ^ 1;
  return { ...record, value };
};

/** Digests of the topics that depend only on what the run computes. */
export async function topicDigests(folder: string): Promise<Record<string, string>> {
  const { log, plan } = await openRunFolder(folder);
  const found: Record<string, string> = {};
  // `source` is the position of the ingest, and each run has its own manifest.
  for (const { name } of plan.topics)
    if (name !== 'source' && name !== 'manifest') found[name] = (await topicDigest(log, name)).digest;
  await log.close();
  return found;
}
