import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelDigest } from '../models/folder.js';
import { baseFolder } from '../pipelines/plan/model.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import type { Weights } from '../records/records.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { differenceLine, type Manifest, manifestDifferences } from '../runs/manifest/manifest.js';
import { weightsFolder } from '../runs/weights/publisher.js';
import { openSource } from '../sources/prompts.js';
import type { PromptSource } from '../sources/source.js';
import { nearest, UserError } from '../support/errors.js';
import type { LogRecord, TopicInfo, TopicLog } from '../topics/log.js';
import { fromRecord, headerPlace } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';

/** What every replay takes over, whatever topic it begins after. */
export const tables: readonly string[] = ['references', 'privileged'];

/** Whether the run lies in the partitions of a cluster, or did before it came here in a bundle. */
export const isSpread = ({ manifest }: Pick<RunFolder, 'manifest'>): boolean =>
  manifest.spec.topics !== 'embedded' || manifest.bundle?.from === 'kafka';

/** @throws {UserError} `unknown-topic` with the nearest name */
export async function findTopic(log: TopicLog, topic: string): Promise<TopicInfo> {
  const infos = await log.describe();
  const info = infos.find(({ name }) => name === topic);
  if (info) return info;
  const known = infos.map(({ name }) => name);
  const near = nearest(topic, known);
  throw new UserError(
    'unknown-topic',
    `the run has no topic ${topic}; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
  );
}

/** A topic's records, gone through step by step whatever partitions they lie in; those of one key keep their order. */
export async function* scanInOrder(log: TopicLog, topic: string): AsyncGenerator<LogRecord> {
  const partitions = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  const scans = [...partitions.entries()].map(([partition, { start }]) => scan(log, topic, partition, start));
  const heads: { readonly scan: AsyncGenerator<LogRecord>; record: LogRecord; step: number }[] = [];
  for (const each of scans) {
    const { value } = await each.next();
    if (value) heads.push({ scan: each, record: value, step: stepOf(value) });
  }
  for (;;) {
    const [first, ...others] = heads;
    if (!first) return;
    const head = others.reduce((lowest, other) => (other.step < lowest.step ? other : lowest), first);
    yield head.record;
    const { value } = await head.scan.next();
    if (value) Object.assign(head, { record: value, step: stepOf(value) });
    else heads.splice(heads.indexOf(head), 1);
  }
}

const stepOf = (record: LogRecord): number => headerPlace(record)?.step ?? 0;

/**
 * Copies a topic, or what of it is to be kept, byte by byte.
 * @param begin waited for before the first record of each step
 */
export async function copyTopic(
  from: TopicLog,
  to: TopicLog,
  topic: string,
  keep: (record: LogRecord) => boolean = () => true,
  begin?: (step: number) => Promise<unknown>,
): Promise<void> {
  let page: LogRecord[] = [];
  let [bytes, step] = [0, 0];
  const flush = async () => {
    if (page.length > 0) await to.append(page.map(({ key, value, headers }) => ({ topic, key, value, headers })));
    [page, bytes] = [[], 0];
  };
  for await (const record of scanInOrder(from, topic)) {
    if (!keep(record)) continue;
    const now = stepOf(record);
    if (begin && now > step) {
      await flush();
      await begin(now);
      step = now;
    }
    page.push(record);
    bytes += record.value?.byteLength ?? 0;
    if (page.length === 256 || bytes > 1 << 22) await flush();
  }
  await flush();
}

/** Every published version, by number. */
export async function weightsOf(log: TopicLog): Promise<Map<number, Weights>> {
  const versions = new Map<number, Weights>();
  for await (const record of scan(log, 'weights', 0)) {
    if (record.value === null) continue;
    const weights = fromRecord('weights', { ...record, value: record.value });
    versions.set(weights.version, weights);
  }
  return versions;
}

/** Which version sampled each prompt. */
export async function sampledVersions(log: TopicLog): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for await (const record of scanInOrder(log, 'rollouts')) {
    if (record.value === null || versions.has(record.key)) continue;
    versions.set(record.key, fromRecord('rollouts', { ...record, value: record.value }).policyVersion);
  }
  return versions;
}

/**
 * The recorded spec, its base model taken from the run's own copy where the original is gone or another one by now.
 */
export function withBase({ spec, folder, model }: Manifest, run: string): PipelineSpec {
  const original = baseFolder(spec, folder);
  const copy = join(run, weightsFolder(0));
  if (!existsSync(copy) || (existsSync(original) && modelDigest(original) === model.weights)) return spec;
  return { ...spec, model: { ...spec.model, base: copy } };
}

/**
 * The notes on a run's manifest and that of its repetition; another build of this program may still compute the same.
 * @param changed fields that are meant to differ
 * @throws {UserError} `other-manifest` for any other difference
 */
export function checkInputs(recorded: Manifest, now: Manifest, changed: readonly (keyof Manifest)[] = []): string[] {
  const free: readonly string[] = ['spec', 'parent', 'code', 'versions', ...changed];
  const differences = manifestDifferences(recorded, now).filter(
    // What a search found is taken over, so a replay need not have the model that it found it with.
    ({ field }) =>
      !free.includes(field.split('.')[0] ?? '') && (now.embeddings !== undefined || !field.startsWith('embeddings')),
  );
  if (differences.length > 0)
    throw new UserError(
      'other-manifest',
      `the run's inputs have changed since:\n${differences.map(differenceLine).join('\n')}`,
    );
  return recorded.code === now.code ? [] : ['the run was made by another build of this program'];
}

/** The source of the prompts; where it is gone, or says something else by now, one without prompts. */
export async function sourceOf({ manifest, plan }: RunFolder): Promise<{ source: PromptSource; there: boolean }> {
  try {
    const source = await openSource(plan.spec, plan.folder);
    if (source.hash === manifest.prompts) return { source, there: true };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return { source: recordedSource({ manifest }), there: false };
}

/** A source for what begins with recorded prompts: it gives none. */
export const recordedSource = ({ manifest }: Pick<RunFolder, 'manifest'>): PromptSource => ({
  hash: manifest.prompts,
  heldOut: [],
  from: async function* () {},
});
