import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type Entry, extract, type Headers } from 'tar-stream';
import { logFolder } from '../../pipelines/topic-log.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { type Restore, restoreEmbedded } from '../../topics/embedded/restore.js';
import { localStore } from '../../topics/registry.js';
import { type Manifest, readManifest } from '../manifest/manifest.js';
import { linkFolder } from '../weights/link-folder.js';
import { weightsFolder } from '../weights/publisher.js';
import { type BundleEnd, type BundleIndex, damaged, FORMAT, segmentOf } from './format.js';
import { decodeSegment } from './segment.js';

export interface Imported {
  readonly run: string;
  readonly folder: string;
  readonly records: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/**
 * Creates a run folder from a bundle and checks every byte against its digests. Topics become embedded and keep their
 * offsets and times. A failed import leaves nothing behind.
 * @throws {UserError} `run-exists`, `no-file`, `no-bundle`, `other-version`; `bundle-damaged` naming the entry
 * @example
 * await importRun('sums.tar', 'runs/sums-moved');
 */
export async function importRun(file: string, to: string): Promise<Imported> {
  const folder = resolve(to);
  if (existsSync(folder)) throw new UserError('run-exists', `${to}: exists already, expected a new folder`);
  if (!existsSync(file)) throw new UserError('no-file', `${file}: no such file`);
  if (!statSync(file).isFile()) notABundle(file, 'is not a file');
  const partial = `${folder}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true });
  try {
    const { index, records } = await unpack(file, partial);
    const manifest = adapted(readManifest(partial), index, join(folder, 'inputs', index.folder));
    writeFileSync(join(partial, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    mkdirSync(join(partial, 'inputs', index.folder), { recursive: true });
    placeBase(partial, manifest, index);
    renameSync(partial, folder);
    return { run: index.run, folder, records, notes: notesOn(index) };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

async function unpack(file: string, to: string): Promise<{ index: BundleIndex; records: BundleEnd['records'] }> {
  const tar = extract();
  const source = createReadStream(file);
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar as unknown as NodeJS.WritableStream);
  const names: string[] = [];
  const records: Record<string, number> = {};
  let index: BundleIndex | undefined;
  let end: BundleEnd | undefined;
  let restore: Restore | undefined;
  try {
    for await (const entry of tar) {
      const { name, hash } = identity(file, entry);
      if (end) damaged(file, `${name}: found after the last entry`);
      if (names.length === 0 && name !== 'bundle.json') notABundle(file, `starts with ${name}`);
      if (name !== 'end.json') names.push(name, hash);
      if (/^(files|inputs)\//.test(name)) {
        await copyEntry(file, entry, hash, join(to, name.replace(/^files\//, '')));
        continue;
      }
      const bytes = await contentOf(file, entry, hash);
      const segment = segmentOf(name);
      if (name === 'bundle.json') {
        index = readIndex(file, bytes);
        restore = restoreEmbedded(logFolder(to), topicsOf(index));
      } else if (name === 'manifest.json') writeFileSync(join(to, name), bytes);
      else if (name === 'end.json') end = JSON.parse(bytes.toString('utf8')) as BundleEnd;
      else if (segment) {
        const { topic, partition } = segment;
        const found = await decodeSegment(bytes, topic, partition);
        restore?.put(found);
        records[topic] = (records[topic] ?? 0) + found.length;
      } else damaged(file, `${name}: unexpected entry`);
    }
    if (!index || !restore) return notABundle(file, 'is empty');
    if (!end) return damaged(file, 'it is truncated: end.json is missing');
    if (end.entries * 2 !== names.length || end.names !== digest(...names))
      damaged(
        file,
        `found ${names.length / 2} entries, expected the ${end.entries} that were exported, in the same order`,
      );
    for (const { group, offset, ...at } of index.groups) restore.commit(group, { ...at, offset: BigInt(offset) });
    return { index, records: { ...Object.fromEntries(index.topics.map(({ name }) => [name, 0])), ...records } };
  } catch (error) {
    if (error instanceof UserError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    const last = names.at(-2);
    return last === undefined
      ? notABundle(file, (error as Error).message)
      : damaged(file, `it cannot be read after ${last}: ${(error as Error).message}`);
  } finally {
    source.destroy();
    await restore?.close();
  }
}

function notABundle(file: string, found: string): never {
  throw new UserError('no-bundle', `${file}: ${found}, expected a bundle that \`rlsd export\` wrote`);
}

function identity(file: string, { header }: Entry): { name: string; hash: string } {
  const { name, type, pax } = header as Headers & { readonly pax?: Readonly<Record<string, string>> };
  const hash = /^sha256 ([0-9a-f]{64})$/.exec(pax?.comment ?? '')?.[1];
  const unsafe = isAbsolute(name) || name.split(/[\\/]/).some((part) => part === '..' || part === '');
  if (unsafe || type !== 'file') damaged(file, `${name}: expected only regular files inside the run's folder`);
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
  mkdirSync(dirname(to), { recursive: true });
  const found = createHash('sha256');
  const target = await open(to, 'wx');
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

function checkDigest(file: string, name: string, found: string, expected: string): void {
  if (found === expected) return;
  const segment = segmentOf(name);
  const what = segment
    ? `topic ${segment.topic}, partition ${segment.partition}, records from offset ${segment.offset}`
    : name;
  damaged(file, `${what}: found SHA-256 ${found}, expected ${expected}`);
}

function readIndex(file: string, bytes: Buffer): BundleIndex {
  const index = JSON.parse(bytes.toString('utf8')) as BundleIndex;
  if (index.format !== FORMAT)
    throw new UserError(
      'other-version',
      `${file}: found a bundle of format ${JSON.stringify(index.format)}, expected ${FORMAT}`,
    );
  return index;
}

const topicsOf = ({ topics }: BundleIndex) =>
  topics.map(({ bounds, ...spec }) => ({
    ...spec,
    bounds: bounds.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) })),
  }));

function adapted(manifest: Manifest, { from, privileged }: BundleIndex, folder: string): Manifest {
  const spec = { ...manifest.spec, topics: localStore };
  return { ...manifest, spec, folder, bundle: { from, privileged } };
}

/** Puts the run's copy of the base model where the spec expects it. */
function placeBase(partial: string, { spec }: Manifest, { folder }: BundleIndex): void {
  const copy = join(partial, weightsFolder(0));
  if (isAbsolute(spec.model.base) || !existsSync(copy)) return;
  const target = resolve(partial, 'inputs', folder, spec.model.base);
  if (target.startsWith(join(partial, 'inputs'))) linkFolder(copy, target);
}

function notesOn({ privileged, from, leftOut = [] }: BundleIndex): string[] {
  const notes: string[] = [];
  if (!privileged) {
    const files = leftOut.length === 0 ? '' : `, or the files with it (${leftOut.join(', ')})`;
    notes.push(
      `the bundle does not contain privileged content${files}: replay the run from teacher-scores or advantages; judging, scoring and resuming it are not possible here`,
    );
  }
  if (from === 'kafka') notes.push('the run is from Kafka: read, verify and replay it here; resume it on its cluster');
  return notes;
}
