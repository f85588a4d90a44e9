import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { type Entry, extract, type Headers } from 'tar-stream';
import { logFolder } from '../../pipelines/topic-log.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { OWNER_FILE, OWNER_FOLDER } from '../../support/owner-only.js';
import { required } from '../../support/required.js';
import { type Restore, restoreEmbedded } from '../../topics/embedded/restore.js';
import { localStore } from '../../topics/registry.js';
import { type Manifest, readManifest } from '../manifest/manifest.js';
import { linkFolder } from '../weights/link-folder.js';
import { baseCopy, weightsFolder } from '../weights/publisher.js';
import { type ContentCheck, contentCheck } from './content.js';
import { foreignParts } from './foreign.js';
import { type BundleEnd, type BundleIndex, damaged, parseEnd, parseIndex, segmentOf } from './format.js';
import { isInside, placeOfEntry } from './names.js';
import { partialOf, sweepPartial } from './partial.js';
import { type PublishedWeights, publishedWeights } from './published.js';
import { decodeSegment, writersOf } from './segment.js';

export interface ImportOptions {
  /** Whether the modules, services and secrets that the bundle's pipeline names may be used here. */
  readonly trust?: boolean;
  /** Stops the import, which then leaves nothing behind. */
  readonly signal?: AbortSignal;
}

export interface Imported {
  readonly run: string;
  readonly folder: string;
  readonly records: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/** Largest index, manifest and end, in bytes. */
const MAX_JSON = 64 << 20;

/**
 * Creates a run folder from a bundle and checks every byte against its digests, and what it contains against its index.
 * Topics become embedded and keep their offsets and times. Whatever a bundle says, nothing is written outside the
 * folder; a failed import leaves nothing behind. No code of the bundle runs.
 * @throws {UserError} `run-exists`, `no-file`, `no-bundle`, `other-version`; `untrusted`, with what the bundle's
 * pipeline would run here; `bundle-damaged` naming the entry; `stopped`
 * @example
 * await importRun('sums.tar', 'runs/sums-moved');
 */
export async function importRun(file: string, to: string, options: ImportOptions = {}): Promise<Imported> {
  const folder = resolve(to);
  if (existsSync(folder)) throw new UserError('run-exists', `${to}: exists already, expected a new folder`);
  if (!existsSync(file)) throw new UserError('no-file', `${file}: no such file`);
  if (!statSync(file).isFile()) notABundle(file, 'is not a file');
  sweepPartial(folder);
  const partial = partialOf(folder);
  const made = mkdirSync(partial, { recursive: true, mode: OWNER_FOLDER });
  try {
    const { index, manifest, records } = await unpack(file, partial, options);
    const moved = adapted(manifest, index, join(folder, 'inputs', index.folder));
    writeFileSync(join(partial, 'manifest.json'), `${JSON.stringify(moved, null, 2)}\n`);
    mkdirSync(join(partial, 'inputs', index.folder), { recursive: true, mode: OWNER_FOLDER });
    placeBase(partial, moved, index);
    renameSync(partial, folder);
    return { run: index.run, folder, records, notes: notesOn(index) };
  } catch (error) {
    rmSync(made ?? partial, { recursive: true, force: true });
    throw error;
  }
}

/** What is known of a bundle while it is read. */
interface Unpacking {
  readonly file: string;
  readonly to: string;
  readonly trust: boolean;
  /** Name and hash of each entry, in order. */
  readonly names: string[];
  readonly seen: Set<string>;
  /** SHA-256 of each version's weights, by entry. */
  readonly hashes: Map<string, string>;
  readonly published: PublishedWeights;
  begun: { readonly index: BundleIndex; readonly restore: Restore } | undefined;
  manifest: Manifest | undefined;
  content: ContentCheck | undefined;
  end: BundleEnd | undefined;
}

async function unpack(file: string, to: string, { trust = false, signal }: ImportOptions) {
  const tar = extract();
  const source = createReadStream(file, { signal });
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar as unknown as NodeJS.WritableStream);
  const state: Unpacking = {
    ...{ file, to, trust, names: [], seen: new Set(), hashes: new Map(), published: publishedWeights(file) },
    ...{ begun: undefined, manifest: undefined, content: undefined, end: undefined },
  };
  try {
    for await (const entry of tar) await takeEntry(state, entry);
    return finished(state);
  } catch (error) {
    if (signal?.aborted)
      throw new UserError('stopped', `${file}: the import was interrupted, and nothing was imported`);
    if (error instanceof UserError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    const last = state.names.at(-2);
    return last === undefined
      ? notABundle(file, (error as Error).message)
      : damaged(file, `it cannot be read after ${last}: ${(error as Error).message}`);
  } finally {
    source.destroy();
    await state.begun?.restore.close();
  }
}

async function takeEntry(state: Unpacking, entry: Entry): Promise<void> {
  const { file, to, names } = state;
  const { name, hash } = identity(file, entry);
  if (state.end) damaged(file, `${name}: found after the last entry`);
  const expected = ['bundle.json', 'manifest.json'][names.length / 2];
  if (names.length === 0 && name !== expected) notABundle(file, `starts with ${name}`);
  if (expected !== undefined && name !== expected) damaged(file, `found ${name}, expected ${expected}`);
  if (state.seen.has(name)) damaged(file, `${name}: found twice`);
  state.seen.add(name);
  if (name !== 'end.json') names.push(name, hash);
  const segment = segmentOf(name);
  const place = placeOfEntry(name);
  if (segment) return takeSegment(state, segment, await contentOf(file, entry, hash));
  if (place !== undefined) {
    await copyEntry(file, entry, hash, join(to, place));
    if (name.endsWith('/model.safetensors')) state.hashes.set(name, hash);
    return;
  }
  if (name !== 'end.json' && name !== expected) damaged(file, `${name}: unexpected entry`);
  if ((entry.header.size ?? 0) > MAX_JSON)
    damaged(file, `${name}: ${entry.header.size} bytes, expected ${MAX_JSON} at most`);
  const text = (await contentOf(file, entry, hash)).toString('utf8');
  if (name === 'bundle.json') {
    const index = parseIndex(file, text);
    state.begun = { index, restore: restoreEmbedded(logFolder(to), topicsOf(index)) };
  } else if (name === 'manifest.json') takeManifest(state, text);
  else state.end = parseEnd(file, text);
}

function takeManifest(state: Unpacking, text: string): void {
  const { file, to, trust } = state;
  const { index } = required(state.begun, 'index of the bundle');
  writeFileSync(join(to, 'manifest.json'), text);
  const manifest = manifestOf(file, to);
  if (manifest.run !== index.run) damaged(file, `manifest.json: found run ${manifest.run}, expected ${index.run}`);
  const parts = trust ? [] : foreignParts(manifest.spec);
  if (parts.length > 0)
    throw new UserError(
      'untrusted',
      `${file}: its pipeline brings what would run or be read on this ` +
        `machine:\n${parts.map((part) => `  ${part}`).join('\n')}\n` +
        `nothing was imported. Look at them (\`tar xf ${file} inputs\`), then import with --trust`,
    );
  const whole = [index.from, manifest.bundle?.from ?? localStore].every((store) => store === localStore);
  state.manifest = manifest;
  state.content = contentCheck(file, index, statSync(file).size, whole);
}

/** Messages name the entry, not the folder that it is unpacked in. */
function manifestOf(file: string, folder: string): Manifest {
  try {
    return readManifest(folder);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'other-version') throw error;
    return damaged(file, error.message.replaceAll(`${folder}/`, '').split('\n').slice(0, 3).join('; '));
  }
}

async function takeSegment(
  { begun, content, published }: Unpacking,
  segment: NonNullable<ReturnType<typeof segmentOf>>,
  bytes: Buffer,
): Promise<void> {
  const { topic, partition } = segment;
  const found = await decodeSegment(bytes, topic, partition, writersOf(topic));
  required(content, 'manifest of the bundle').take(segment, found);
  published.take(found.records);
  required(begun, 'index of the bundle').restore.put(found.records);
}

function finished({ file, to, names, hashes, published, begun, manifest, content, end }: Unpacking) {
  if (!begun || !manifest || !content) return notABundle(file, names.length === 0 ? 'is empty' : 'has no manifest');
  if (!end) return damaged(file, 'it is truncated: end.json is missing');
  if (end.entries * 2 !== names.length || end.names !== digest(...names))
    damaged(
      file,
      `found ${names.length / 2} entries, expected the ${end.entries} that were exported, in the same order`,
    );
  const { index, restore } = begun;
  const records = content.finish(end);
  published.compare(hashes, to);
  for (const { group, offset, ...at } of index.groups) restore.commit(group, { ...at, offset: BigInt(offset) });
  return { index, manifest, records };
}

function notABundle(file: string, found: string): never {
  throw new UserError('no-bundle', `${file}: ${found}, expected a bundle that \`rlsd export\` wrote`);
}

function identity(file: string, { header }: Entry): { name: string; hash: string } {
  const { name, type, pax } = header as Headers & { readonly pax?: Readonly<Record<string, string>> };
  const hash = /^sha256 ([0-9a-f]{64})$/.exec(pax?.comment ?? '')?.[1];
  if (!isInside(name) || type !== 'file')
    damaged(file, `${JSON.stringify(name)}: expected only regular files inside the run's folder`);
  if (hash === undefined) notABundle(file, `${name} has no digest`);
  return { name, hash };
}

async function contentOf(file: string, entry: Entry, hash: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of entry) parts.push(part);
  const bytes = Buffer.concat(parts);
  checkDigest(file, entry.header.name, createHash('sha256').update(bytes).digest('hex'), hash);
  return bytes;
}

async function copyEntry(file: string, entry: Entry, hash: string, to: string): Promise<void> {
  const found = createHash('sha256');
  const target = await newFile(to).catch((error: NodeJS.ErrnoException) => {
    // A name that is a file and a folder at once, or one that this file system takes for another.
    if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(error.code ?? '')) throw error;
    return damaged(file, `${entry.header.name}: found in the place of another entry`);
  });
  try {
    for await (const part of entry) {
      found.update(part);
      await target.writeFile(part);
    }
  } finally {
    await target.close();
  }
  checkDigest(file, entry.header.name, found.digest('hex'), hash);
}

async function newFile(path: string): Promise<FileHandle> {
  mkdirSync(dirname(path), { recursive: true, mode: OWNER_FOLDER });
  return open(path, 'wx', OWNER_FILE);
}

function checkDigest(file: string, name: string, found: string, expected: string): void {
  if (found === expected) return;
  const segment = segmentOf(name);
  const what = segment
    ? `topic ${segment.topic}, partition ${segment.partition}, records from offset ${segment.offset}`
    : name;
  damaged(file, `${what}: found SHA-256 ${found}, expected ${expected}`);
}

const topicsOf = ({ topics }: BundleIndex) =>
  topics.map(({ name, partitions, compact, retention, bounds }) => ({
    ...{ name, partitions },
    ...(compact !== undefined && { compact }),
    ...(retention && { retention: withoutUndefined(retention) }),
    bounds: bounds.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) })),
  }));

function withoutUndefined({ ms, bytes }: { readonly ms?: number | undefined; readonly bytes?: number | undefined }) {
  return { ...(ms !== undefined && { ms }), ...(bytes !== undefined && { bytes }) };
}

function adapted(manifest: Manifest, { from, privileged }: BundleIndex, folder: string): Manifest {
  const spec = { ...manifest.spec, topics: localStore };
  return { ...manifest, spec, folder, bundle: { from, privileged } };
}

/** Puts the run's copies of the base model and of the adapter that it began with where the spec expects them. */
function placeBase(partial: string, { spec }: Manifest, { folder }: BundleIndex): void {
  const { base, lora } = spec.model;
  const copies = [
    [baseCopy(spec), base],
    [weightsFolder(0), lora?.adapter],
  ] as const;
  for (const [copy, path] of copies) {
    if (path === undefined || isAbsolute(path) || !existsSync(join(partial, copy))) continue;
    const target = resolve(partial, 'inputs', folder, path);
    // Where it is elsewhere on this machine, it stays there.
    if (target.startsWith(join(partial, 'inputs', sep))) linkFolder(join(partial, copy), target);
  }
}

function notesOn({ privileged, from, leftOut = [] }: BundleIndex): string[] {
  const notes: string[] = [];
  if (!privileged) {
    const files = leftOut.length === 0 ? '' : `, or the files with it (${leftOut.join(', ')})`;
    notes.push(
      `the bundle does not contain privileged content${files}: replay the run from teacher-scores or advantages; ` +
        'judging, scoring and resuming it are not possible here',
    );
  }
  if (from === 'kafka') notes.push('the run is from Kafka: read, verify and replay it here; resume it on its cluster');
  return notes;
}
