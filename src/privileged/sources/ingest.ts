import { digest } from '../../support/digest.js';
import type { TopicLog } from '../../topics/log.js';
import { type DocumentVersion, deletion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import { type TextIds, textIds } from '../documents/text-ids.js';
import { type DocumentReader, defaultLimits, documentReader, type ReadLimits } from '../reading/reader.js';
import { privilegedAppend, privilegedTopic } from '../records.js';
import { type BatchWriter, batchWriter } from './batch-writer.js';
import type { ChunkOptions } from './chunk.js';
import { recordsOf } from './document-records.js';
import { fileUnits } from './files.js';
import { keyedUnit } from './keyed.js';
import {
  type DocumentSource,
  nameOf,
  problemOf,
  type SourceDocument,
  type SourceProblem,
  type SourceUnit,
} from './source.js';
import { topicUnits } from './topic.js';

export interface IngestOptions {
  readonly run: string;
  readonly sources: readonly DocumentSource[];
  /** Folder that the sources' paths are relative to. */
  readonly folder: string;
  /** Default: 1,200 characters, no overlap. */
  readonly chunk?: ChunkOptions;
  /** What reading one document may take. Default: 30 s of processor time and 1,024 MiB. */
  readonly limits?: ReadLimits;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Default: `privileged`. */
  readonly topic?: string;
}

/** Counts of documents; `chunks` counts the records written. */
export interface IngestReport {
  readonly unchanged: number;
  readonly written: number;
  readonly deleted: number;
  readonly chunks: number;
  readonly problems: readonly SourceProblem[];
}

/** The counts of a report, with the number of its problems by code. */
export interface IngestCounts extends Omit<IngestReport, 'problems'> {
  readonly problems: Readonly<Record<string, number>>;
}

export function ingestCounts({ problems, ...counts }: IngestReport): IngestCounts {
  const byCode = new Map<string, number>();
  for (const { code } of problems) byCode.set(code, (byCode.get(code) ?? 0) + 1);
  return { ...counts, problems: Object.fromEntries([...byCode].sort()) };
}

const defaultChunk: ChunkOptions = { maxCharacters: 1200, overlap: 0 };

/** One ingest while it runs. */
interface Ingest {
  readonly log: TopicLog;
  readonly table: PrivilegedTable;
  readonly options: IngestOptions;
  readonly chunk: ChunkOptions;
  readonly topic: string;
  readonly writer: BatchWriter;
  readonly reader: DocumentReader;
  /** Ids read so far. */
  readonly seen: TextIds;
  /** Sources with a document that could not be read; such documents keep their last version. */
  readonly unread: Set<string>;
  readonly problems: SourceProblem[];
  readonly counts: { unchanged: number; written: number; deleted: number; chunks: number };
}

/**
 * Brings the topic up to date with the sources: a changed document becomes a new version, a missing one is marked as
 * deleted, an unchanged one is not written and usually not even read. A document that cannot be read is reported and
 * keeps its last version. When a whole source fails, nothing is deleted. Only one ingest may write to a topic at a
 * time.
 * @throws {Error} when the log fails. Every document written until then is complete, and the next call continues from
 * there.
 * @example await ingest(log, table, { run: 'r1', sources: [{ files: ['manuals/*.md'] }], folder: '.', now: Date.now })
 */
export async function ingest(log: TopicLog, table: PrivilegedTable, options: IngestOptions): Promise<IngestReport> {
  const state: Ingest = {
    log,
    table,
    options,
    chunk: options.chunk ?? defaultChunk,
    topic: options.topic ?? privilegedTopic,
    writer: batchWriter(log),
    reader: documentReader({ ...defaultLimits, ...options.limits }),
    seen: textIds(),
    unread: new Set(),
    problems: [],
    counts: { unchanged: 0, written: 0, deleted: 0, chunks: 0 },
  };
  await table.catchUp();
  let complete = true;
  try {
    for (const source of options.sources) {
      try {
        await ingestSource(state, source);
      } catch (error) {
        report(state, problemOf(nameOf(source), error));
        complete = false;
      }
    }
  } finally {
    await state.reader.close();
  }
  if (complete) await deleteMissing(state);
  await state.writer.flush();
  await table.catchUp();
  return { ...state.counts, problems: state.problems };
}

/**
 * Ingests until the signal aborts, and pauses for `intervalMs` after each time. Polling works on every kind of file
 * system.
 */
export async function* watchSources(
  log: TopicLog,
  table: PrivilegedTable,
  options: IngestOptions & { readonly intervalMs: number; readonly signal: AbortSignal },
): AsyncGenerator<IngestReport> {
  while (!options.signal.aborted) {
    yield await ingest(log, table, options);
    await pause(options.intervalMs, options.signal);
  }
}

function report({ problems, unread }: Ingest, problem: SourceProblem): void {
  problems.push(problem);
  unread.add(problem.source);
}

async function ingestSource(state: Ingest, source: DocumentSource): Promise<void> {
  const { table, seen, chunk } = state;
  const include = 'files' in source && source.include ? [[...source.include].sort()] : [];
  const settings = digest(JSON.stringify([source.label ?? null, chunk, ...include])).slice(0, 12);
  for await (const unit of unitsOf(state, source)) {
    try {
      await ingestUnit(state, unit, settings);
    } catch (error) {
      report(state, problemOf(unit.name, error));
      const before = await ingestedOf(unit, table);
      if (before) seen.add(before.id);
    }
  }
}

/** @param settings hash of what decides the records besides the text: a change of it rewrites the document */
async function ingestUnit(state: Ingest, unit: SourceUnit, settings: string): Promise<void> {
  const { table, seen, counts } = state;
  const before = await ingestedOf(unit, table);
  const known = before && seen.find(before.id) === undefined ? before : undefined;
  const isUnchanged = (part: 0 | 1, value: string): boolean =>
    known?.stamp?.split(' ')[part] === `${settings}:${value}`;
  const skip = ({ id }: DocumentVersion): void => {
    counts.unchanged++;
    seen.add(id);
  };
  let stamp = '';
  if (unit.stamp) {
    const { mark } = unit.stamp;
    if (known && isUnchanged(0, mark)) return skip(known);
    const hash = await unit.stamp.contentHash();
    if (known && isUnchanged(1, hash)) return skip(known);
    stamp = `${settings}:${mark} ${settings}:${hash}`;
  }
  for await (const document of unit.documents((problem) => report(state, problem))) {
    await ingestDocument(state, document, unit.name, stamp);
    if (document.omitted) report(state, partial(unit.name, document.omitted));
  }
}

/** The text of a document was written, and something in it could not be read. */
const partial = (source: string, omitted: readonly string[]): SourceProblem => ({
  source,
  code: 'document-partial',
  message: `${source}: its text was read without ${omitted.join(', ')}; write down what they say, if it matters`,
});

async function ingestDocument(state: Ingest, document: SourceDocument, source: string, stamp: string): Promise<void> {
  const { table, seen, counts, options, topic, writer } = state;
  const records = recordsOf(document, { source, run: options.run, chunk: state.chunk });
  const [first] = records;
  if (!first) return;
  const id = first.documentId;
  if (seen.find(id) !== undefined) {
    const message = `${source}: document ${id} was already read in this ingest; the first one counts`;
    return report(state, { source, code: 'document-twice', message });
  }
  seen.add(id);
  const existing = await table.document(id);
  if (existing && existing.forgotten.length > 0) {
    const message = `${source}: document ${id} was forgotten and is not read again; remove it from the source`;
    return report(state, { source, code: 'document-forgotten', message });
  }
  const current = existing?.current;
  const same =
    current?.stamp != null &&
    current.version === first.version &&
    current.label === first.label &&
    current.title === first.title;
  if (same) {
    counts.unchanged++;
    return;
  }
  const time = existing ? Math.max(options.now(), existing.updatedAt + 1) : options.now();
  counts.written++;
  counts.chunks += records.length;
  await writer.put(
    records.map((record) => {
      const append = privilegedAppend({ ...record, time }, topic);
      return { ...append, headers: { ...append.headers, stamp } };
    }),
  );
}

/** Marks as deleted what an earlier ingest wrote and this one did not find. */
async function deleteMissing({ table, seen, unread, counts, writer, options, topic }: Ingest): Promise<void> {
  for await (const document of table.ingestedExcept(seen)) {
    const { current, updatedAt } = document;
    if (!current || current.stamp === null || unread.has(current.source)) continue;
    counts.deleted++;
    await writer.put([
      privilegedAppend(deletion(options.run, document, Math.max(options.now(), updatedAt + 1)), topic),
    ]);
  }
}

/** The current version of a unit with one document, if an ingest wrote it. */
async function ingestedOf({ name, stamp }: SourceUnit, table: PrivilegedTable): Promise<DocumentVersion | undefined> {
  const current = stamp && (await table.document(stamp.id))?.current;
  return current && current.stamp !== null && current.source === name ? current : undefined;
}

async function* unitsOf(state: Ingest, source: DocumentSource): AsyncGenerator<SourceUnit> {
  const { folder } = state.options;
  if ('files' in source) yield* fileUnits(source, folder, state.reader, (problem) => report(state, problem));
  else if ('keyed' in source) yield keyedUnit(source, folder);
  else yield* topicUnits(source, state.log);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
