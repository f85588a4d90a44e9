import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Headers, type Pack, pack } from 'tar-stream';
import { modelDigest } from '../../models/folder.js';
import { ADAPTER_WEIGHTS } from '../../models/lora/folder.js';
import { fileDigest } from '../../models/safetensors.js';
import { initialAdapter } from '../../pipelines/plan/adapter.js';
import { baseFolder } from '../../pipelines/plan/model.js';
import { contextOf } from '../../pipelines/running/context.js';
import { learnersOf, ofLearner } from '../../pipelines/spec/learners.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { OWNER_FILE } from '../../support/owner-only.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { storeName } from '../../topics/registry.js';
import { scan } from '../../topics/scan.js';
import { openRunFolder, type RunFolder } from '../inspect/run-folder.js';
import { baseCopy, checkpointOf, lastWeights, viaTopics, weightsFolder, withCheckpoint } from '../weights/publisher.js';
import { recordedWeights } from '../weights/recorded.js';
import { type BundleEnd, type BundleIndex, FORMAT, privilegedTopics, segmentName } from './format.js';
import { type BundleInputs, bundleInputs } from './inputs.js';
import { encodeSegment, sizeOf, type Writer, writerOf, writersOf } from './segment.js';

export interface ExportOptions {
  /** The file to write. */
  readonly to: string;
  /** Leaves out references, documents, and the files that contain them. */
  readonly withoutPrivileged?: boolean;
}

export interface Exported {
  readonly run: string;
  readonly file: string;
  readonly bytes: number;
  readonly records: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/** Bytes of records per container file, which bounds memory. */
const SEGMENT_BYTES = 4 << 20;

/**
 * Writes a run into one tar file; see `format.ts`. No other process may write to the run at the same time.
 * @returns record counts by topic, and notes on files that are not in the bundle
 * @throws {UserError} `file-exists`, `no-folder`, `no-run`, `topics-locked`, `damaged-record`
 * @example
 * await exportRun('runs/sums', { to: 'sums.tar' });
 */
export async function exportRun(folder: string, { to, withoutPrivileged = false }: ExportOptions): Promise<Exported> {
  if (existsSync(to)) throw new UserError('file-exists', `${to}: exists already, expected the name of a new file`);
  if (!existsSync(dirname(resolve(to))))
    throw new UserError('no-folder', `${to}: the folder ${dirname(resolve(to))} does not exist; create it first`);
  const run = await openRunFolder(folder, { readOnly: false });
  const partial = `${to}.${process.pid}.partial`;
  const tar = pack();
  const written = pipeline(tar, createWriteStream(partial, { mode: OWNER_FILE }));
  written.catch(() => {});
  try {
    const out = entryWriter(tar);
    const inputs = await bundleInputs(run, !withoutPrivileged);
    const index = await indexOf(run, inputs, !withoutPrivileged);
    await out.put('bundle.json', JSON.stringify(index));
    await out.put('manifest.json', JSON.stringify(run.manifest));
    const records: Record<string, number> = {};
    for (const topic of index.topics) {
      const isLeftOut = withoutPrivileged && isPrivileged(topic.name, run);
      records[topic.name] = isLeftOut ? 0 : await writeTopic(run.log, topic, out);
    }
    await writeWeights(run, folder, out);
    await writeCheckpoints(run, folder, out);
    for (const [name, path] of inputs.files) await out.file(`inputs/${name}`, path);
    await out.end(records);
    tar.finalize();
    await written;
    renameSync(partial, to);
    return { run: run.manifest.run, file: resolve(to), bytes: statSync(to).size, records, notes: inputs.notes };
  } catch (error) {
    tar.destroy();
    await written.catch(() => {});
    rmSync(partial, { force: true });
    throw error;
  } finally {
    await run.log.close();
  }
}

interface EntryWriter {
  put(name: string, content: string | Buffer): Promise<void>;
  /** @returns the SHA-256 of the file */
  file(name: string, path: string): Promise<string>;
  end(records: BundleEnd['records']): Promise<void>;
}

function entryWriter(tar: Pack): EntryWriter {
  const names: string[] = [];
  const begin = (name: string, size: number, hash: string, done: (error?: Error | null) => void) => {
    names.push(name, hash);
    return tar.entry({ name, size, mtime: new Date(0), pax: { comment: `sha256 ${hash}` } } as Headers, done);
  };
  const put = (name: string, content: string | Buffer) => {
    const bytes = Buffer.from(content);
    return new Promise<void>((resolved, rejected) => {
      begin(name, bytes.length, createHash('sha256').update(bytes).digest('hex'), (error) =>
        error ? rejected(error) : resolved(),
      ).end(bytes);
    });
  };
  return {
    put,
    async file(name, path) {
      const hash = fileDigest(path);
      await pipeline(
        createReadStream(path),
        begin(name, statSync(path).size, hash, () => {}),
      );
      return hash;
    },
    end: (records) =>
      put(
        'end.json',
        JSON.stringify({ entries: names.length / 2, names: digest(...names), records } satisfies BundleEnd),
      ),
  };
}

async function indexOf(
  { log, manifest, plan }: RunFolder,
  { folder, leftOut }: BundleInputs,
  privileged: boolean,
): Promise<BundleIndex> {
  // The latest checkpoint is exported as a file instead.
  const wanted = new Set(plan.topics.map(({ name }) => name).filter((name) => name !== 'checkpoints'));
  const infos = (await log.describe()).filter(({ name }) => wanted.has(name));
  const groups = [];
  for (const { name: group, input: topic } of plan.stages)
    for (const { partition, offset } of await log.committed(group, topic))
      groups.push({ group, topic, partition, offset: String(offset) });
  return {
    format: FORMAT,
    run: manifest.run,
    from: storeName(manifest.spec.topics),
    privileged,
    folder,
    ...(leftOut.length > 0 && { leftOut: [...leftOut] }),
    topics: infos.map(({ bounds, ...spec }) => ({
      ...spec,
      bounds: bounds.map(({ start, end }) => ({ start: String(start), end: String(end) })),
    })),
    groups,
  };
}

function isPrivileged(topic: string, { plan }: RunFolder): boolean {
  const documents = contextOf(plan.spec).sources.flatMap((source) => ('topic' in source ? [source.topic] : []));
  return privilegedTopics.includes(topic) || documents.includes(topic);
}

async function writeTopic(log: TopicLog, topic: BundleIndex['topics'][number], out: EntryWriter): Promise<number> {
  const writers = writersOf(topic.name);
  let count = 0;
  for (const [partition, { start }] of topic.bounds.entries()) {
    let page: LogRecord[] = [];
    let [bytes, writer]: [number, Writer | undefined] = [0, undefined];
    const flush = async () => {
      const [first] = page;
      if (!first) return;
      await out.put(segmentName(topic.name, partition, first.offset), await encodeSegment(page, writer));
      count += page.length;
      [page, bytes] = [[], 0];
    };
    for await (const record of scan(log, topic.name, partition, BigInt(start))) {
      const now = writerOf(record, writers);
      // A gap marker joins the segment before it.
      const isOther = record.value !== null && now !== writer;
      if (page.length > 0 && (bytes > SEGMENT_BYTES || isOther)) await flush();
      if (record.value !== null || page.length === 0) writer = now;
      page.push(record);
      bytes += sizeOf(record);
    }
    await flush();
  }
  return count;
}

/** Writes the weights and checkpoints in the run's folder, and the base model. */
async function writeWeights(run: RunFolder, folder: string, out: EntryWriter): Promise<void> {
  const { log, manifest, plan } = run;
  const base = baseFolder(plan.spec, plan.folder);
  for (const learner of learnersOf(plan.spec)) {
    const versions = await recordedWeights(log, learner);
    const newest = Math.max(...versions.keys());
    const kept = versionsIn(folder, ofLearner('weights', learner));
    for (const version of kept) {
      const name = weightsFolder(version, learner);
      // Steps that were made and not committed have no record; resuming makes them again.
      const digest = versions.get(version)?.digest;
      if (digest !== undefined) await writeVersion(name, join(folder, name), digest, out);
    }
    if (newest > 0 && !viaTopics(plan.store) && !kept.includes(newest))
      refuseDamaged(folder, weightsFolder(newest, learner), 'no such folder, expected the newest weights');
    for (const version of versionsIn(folder, ofLearner('checkpoints', learner)))
      await writeFolder(
        relative(folder, checkpointOf(folder, version, learner)),
        checkpointOf(folder, version, learner),
        out,
      );
  }
  const copy = baseCopy(plan.spec);
  const isThere = existsSync(join(folder, copy));
  if (plan.spec.model.lora && isThere) await writeFolder(copy, join(folder, copy), out);
  if (!isThere && existsSync(base) && modelDigest(base) === manifest.model.weights) await writeFolder(copy, base, out);
}

function versionsIn(folder: string, kind: string): number[] {
  const names = existsSync(join(folder, kind)) ? readdirSync(join(folder, kind)).sort() : [];
  return names.flatMap((name) => (/^v\d+$/.test(name) ? [Number(name.slice(1))] : []));
}

/** Writes the weights of one version, whose files must have the digest of their record. */
async function writeVersion(name: string, from: string, digest: string, out: EntryWriter): Promise<void> {
  const run = dirname(dirname(from));
  const hashes = await writeFolder(name, from, out);
  // One file is the usual form, and its hash the digest; other forms are read once more.
  const found = hashes.get('model.safetensors') ?? hashes.get(ADAPTER_WEIGHTS) ?? digestOrWhy(from);
  if (found !== digest) refuseDamaged(run, name, `SHA-256 ${found}, expected ${digest}`);
}

function digestOrWhy(folder: string): string {
  try {
    return modelDigest(folder);
  } catch (error) {
    if (error instanceof UserError) return `unknown (${error.message})`;
    throw error;
  }
}

function refuseDamaged(run: string, name: string, what: string): never {
  throw new UserError(
    'damaged-weights',
    `${join(run, name)}: ${what}; nothing was exported. \`rlsd resume ${run}\` makes damaged weights again where ` +
      'it can',
  );
}

/** @returns the SHA-256 of each file by its name */
async function writeFolder(name: string, from: string, out: EntryWriter): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const each of readdirSync(from, { withFileTypes: true }))
    if (each.isFile()) hashes.set(each.name, await out.file(`files/${name}/${each.name}`, join(from, each.name)));
  return hashes;
}

/** Writes each learner's latest checkpoint as a file where checkpoints are kept in a topic. */
async function writeCheckpoints({ log, manifest, plan }: RunFolder, folder: string, out: EntryWriter): Promise<void> {
  const { spec, store } = plan;
  if (!viaTopics(store)) return;
  const base = baseFolder(spec, plan.folder);
  const adapter = () => initialAdapter(spec, plan.folder);
  for (const learner of learnersOf(spec)) {
    const last = await lastWeights(log, learner);
    if (!last || last.version === 0) continue;
    const files = { log, run: manifest.run, learner, folder, base, adapter, spec, store };
    await withCheckpoint(files, last, async (checkpoint) => {
      for (const name of readdirSync(checkpoint))
        await out.file(`${checkpointOf('files', last.version, learner)}/${name}`, join(checkpoint, name));
    });
  }
}
