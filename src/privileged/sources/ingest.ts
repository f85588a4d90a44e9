import type { Privileged } from '../../records/records.js';
import { digest } from '../../support/digest.js';
import type { Append, TopicLog } from '../../topics/log.js';
import type { DocumentState, DocumentVersion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import { textNumbers } from '../documents/text-ids.js';
import { itemRecord, privilegedAppend, privilegedTopic } from '../records.js';
import { type ChunkOptions, chunkText } from './chunk.js';
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
  /** Defaults: 1,200 characters, no overlap. */
  readonly chunk?: ChunkOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Defaults to `privileged`. */
  readonly topic?: string;
}

/** Counts are of documents, but for `chunks`, the records written. */
export interface IngestReport {
  readonly unchanged: number;
  readonly written: number;
  readonly deleted: number;
  readonly chunks: number;
  readonly problems: readonly SourceProblem[];
}

const defaultChunk: ChunkOptions = { maxCharacters: 1200, overlap: 0 };
/** A flush is due at so many records or characters; it falls between documents, so that each is whole or not there. */
const flushRecords = 512;
const flushCharacters = 1 << 20;

/**
 * Brings the topic up to what the sources hold now: a changed document becomes a new version, one that is gone is marked deleted, an
 * unchanged one is not written and usually not even read. A document that cannot be read is reported and keeps its last version;
 * where a source as a whole fails, nothing is deleted. One ingest writes a topic at a time.
 * @throws {Error} when the log fails; what was written until then is whole, and the next call goes on from there.
 */
export async function ingest(log: TopicLog, table: PrivilegedTable, options: IngestOptions): Promise<IngestReport> {
  const { sources, chunk = defaultChunk, topic = privilegedTopic } = options;
  await table.catchUp();
  // Ids that were read in this ingest, and what kept its last version because it could not be read.
  const seen = textNumbers();
  const unread = new Set<string>();
  const problems: SourceProblem[] = [];
  const report = (problem: SourceProblem): void => {
    problems.push(problem);
    unread.add(problem.source);
  };
  const counts = { unchanged: 0, written: 0, deleted: 0, chunks: 0 };
  const writer = batchWriter(log);
  let complete = true;

  const takeUnit = async (unit: SourceUnit, settings: string): Promise<void> => {
    const before = await knownOf(unit, table);
    const unchanged = (part: 0 | 1, value: string): boolean =>
      before !== undefined &&
      seen.find(before.id) === undefined &&
      before.stamp?.split(' ')[part] === `${settings}:${value}`;
    const skip = ({ id }: DocumentVersion): void => {
      counts.unchanged++;
      seen.add(id);
    };
    let stamp = '';
    if (unit.stamp) {
      const { mark } = unit.stamp;
      if (before && unchanged(0, mark)) return skip(before);
      const hash = await unit.stamp.contentHash();
      if (before && unchanged(1, hash)) return skip(before);
      stamp = `${settings}:${mark} ${settings}:${hash}`;
    }
    for await (const document of unit.documents(report)) await takeDocument(document, unit.name, stamp);
  };

  const takeDocument = async (document: SourceDocument, source: string, stamp: string): Promise<void> => {
    const records = recordsOf(document, source, options, chunk);
    const first = records[0];
    if (!first) return;
    const id = first.documentId;
    if (seen.find(id) !== undefined) {
      report({
        source,
        code: 'document-twice',
        message: `${source}: document ${id} was read before in this ingest; the first one counts`,
      });
      return;
    }
    seen.add(id);
    const state = await table.document(id);
    if (state && state.forgotten.length > 0) {
      report({
        source,
        code: 'document-forgotten',
        message: `${source}: document ${id} was forgotten and is not read again; take it out of the source`,
      });
      return;
    }
    const current = state?.current;
    if (current && current.stamp !== null && sameDocument(current, first)) {
      counts.unchanged++;
      return;
    }
    const time = Math.max(options.now(), (state?.updatedAt ?? -1) + 1);
    counts.written++;
    counts.chunks += records.length;
    await writer.put(records.map((record) => withStamp(privilegedAppend({ ...record, time }, topic), stamp)));
  };

  for (const source of sources) {
    const settings = digest(JSON.stringify([source.label ?? null, chunk])).slice(0, 12);
    try {
      for await (const unit of unitsOf(source, options.folder, log, report)) {
        try {
          await takeUnit(unit, settings);
        } catch (error) {
          report(problemOf(unit.name, error));
          const before = await knownOf(unit, table);
          if (before) seen.add(before.id);
        }
      }
    } catch (error) {
      report(problemOf(nameOf(source), error));
      complete = false;
    }
  }
  for await (const state of complete ? table.ingestedBeside(seen) : []) {
    const { current } = state;
    if (!current || current.stamp === null || unread.has(current.source)) continue;
    counts.deleted++;
    await writer.put([
      privilegedAppend(deletion(options.run, state, Math.max(options.now(), state.updatedAt + 1)), topic),
    ]);
  }
  await writer.flush();
  await table.catchUp();
  return { ...counts, problems };
}

/** Ingests again and again until the signal aborts: `intervalMs` after each one, whatever kind of disk the files are on. */
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

/** The record that ends a document's life: no content, and the hash of the version that it ends. */
export function deletion(run: string, state: DocumentState, time: number): Privileged {
  const { id, current } = state;
  return {
    run,
    documentId: id,
    itemId: current?.itemId ?? null,
    kind: current?.kind ?? 'document',
    version: current?.version ?? '',
    title: '',
    content: null,
    start: 0,
    end: 0,
    label: current?.label ?? null,
    source: current?.source ?? '',
    time,
  };
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

/** What an ingest wrote of a unit of one document, where that is current. */
async function knownOf({ name, stamp }: SourceUnit, table: PrivilegedTable): Promise<DocumentVersion | undefined> {
  const current = stamp && (await table.document(stamp.id))?.current;
  return current && current.stamp !== null && current.source === name ? current : undefined;
}

function recordsOf(
  document: SourceDocument,
  source: string,
  options: IngestOptions,
  chunk: ChunkOptions,
): Privileged[] {
  const { run } = options;
  const { id, itemId, kind, title, text, shape, label } = document;
  if (id === null && itemId !== null) {
    return [itemRecord({ run, itemId, kind, content: text, source, time: 0, title, label })];
  }
  const spans = shape === null ? [{ start: 0, end: text.length }] : chunkText(text, shape, chunk);
  const version = digest(text, JSON.stringify(spans.map(({ start }) => start)));
  return spans.map(({ start, end }) => ({
    run,
    documentId: id ?? source,
    itemId,
    kind,
    version,
    title,
    content: text.slice(start, end),
    start,
    end,
    label,
    source,
    time: 0,
  }));
}

function sameDocument(current: DocumentVersion, record: Privileged): boolean {
  return current.version === record.version && current.label === record.label && current.title === record.title;
}

function withStamp(append: Append, stamp: string): Append {
  return { ...append, headers: { ...append.headers, stamp } };
}

async function* unitsOf(
  source: DocumentSource,
  folder: string,
  log: TopicLog,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<SourceUnit> {
  if ('files' in source) yield* fileUnits(source, folder, report);
  else if ('keyed' in source) yield keyedUnit(source, folder);
  else yield* topicUnits(source, log);
}

function batchWriter(log: TopicLog): { put(appends: readonly Append[]): Promise<void>; flush(): Promise<void> } {
  let waiting: Append[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await log.append(waiting);
    waiting = [];
    bytes = 0;
  };
  return {
    async put(appends) {
      waiting.push(...appends);
      for (const { value } of appends) bytes += value?.byteLength ?? 0;
      if (waiting.length >= flushRecords || bytes >= flushCharacters) await flush();
    },
    flush,
  };
}
