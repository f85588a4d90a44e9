import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileDigest } from '../../models/safetensors.js';
import type { DocumentState } from '../../privileged/documents/document.js';
import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { embeddingModelHash, readEmbeddingModel } from '../../privileged/embedding/model.js';
import type { Join } from '../../privileged/lookup/lookup.js';
import { filesOf } from '../../privileged/sources/files.js';
import { type IngestReport, ingest as ingestDocuments, watchSources } from '../../privileged/sources/ingest.js';
import type { DocumentSource, FileSource, SourceProblem } from '../../privileged/sources/source.js';
import type { PrivilegedKind } from '../../records/records.js';
import type { OnDeadLetter, RunningStage } from '../../runtime/stage.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { fromRecord, toAppend } from '../../topics/record-codec.js';
import { scan } from '../../topics/scan.js';
import type { PipelineSpec } from '../spec/spec.js';

/** What a pipeline declares about privileged context, the short form written out. */
export interface ContextSpec {
  readonly sources: readonly DocumentSource[];
  readonly joins: readonly Join[];
  readonly labels: readonly string[];
  /** Seconds between two looks at the sources; undefined: they are read once. */
  readonly watch: number | undefined;
}

export function contextOf({ privileged }: PipelineSpec): ContextSpec {
  if (Array.isArray(privileged)) return { sources: [], joins: privileged, labels: [], watch: undefined };
  const { sources, join, labels, watch } = privileged;
  return {
    // The parser leaves out what was not written, so no field of a source is there and undefined.
    sources: sources as DocumentSource[],
    joins: join as Join[],
    labels,
    watch,
  };
}

/** Folders of the embedding models that joins name, as they name them. */
export function embeddingModels(spec: PipelineSpec): string[] {
  const models = contextOf(spec).joins.flatMap((join) =>
    typeof join === 'object' && 'search' in join ? (join.model ?? []) : [],
  );
  return [...new Set(models)];
}

type Declared = { readonly spec: PipelineSpec; readonly folder: string };

/** Whether the folders of all embedding models are there. */
export const hasEmbeddings = ({ spec, folder }: Declared): boolean =>
  embeddingModels(spec).every((model) => existsSync(resolve(folder, model)));

/** For the manifest: the content hash of each file of documents that is read once; nothing where there is none. */
export async function documentHashes({
  spec,
  folder,
}: Declared): Promise<{ readonly documents?: Readonly<Record<string, string>> }> {
  const { sources, watch } = contextOf(spec);
  if (watch !== undefined) return {};
  const names = await Promise.all(
    sources.map((source) =>
      'files' in source ? filesOf(source as FileSource, folder) : 'keyed' in source ? [source.keyed] : [],
    ),
  );
  if (names.flat().length === 0) return {};
  const hash = (name: string) => {
    try {
      return fileDigest(resolve(folder, name));
    } catch (error) {
      // The ingest says of it what is wrong.
      return `unreadable (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`;
    }
  };
  return { documents: Object.fromEntries(names.flat().map((name) => [name, hash(name)])) };
}

/** For the manifest: the content hash of each embedding model; nothing where there is none. */
export async function embeddingHashes({
  spec,
  folder,
}: Declared): Promise<{ readonly embeddings?: Readonly<Record<string, string>> }> {
  const models = embeddingModels(spec);
  if (models.length === 0) return {};
  const hash = async (model: string) =>
    [model, await embeddingModelHash(readEmbeddingModel(resolve(folder, model)))] as const;
  return { embeddings: Object.fromEntries(await Promise.all(models.map(hash))) };
}

/** Kinds of context that the joins can show. */
export function shownKinds(joins: readonly Join[]): PrivilegedKind[] {
  return [...new Set(joins.map((join) => (typeof join === 'string' ? join : 'document')))];
}

/**
 * Problems of the sources and joins that can be found without reading the documents.
 * @param folder what the paths are relative to
 */
export async function checkContext(spec: PipelineSpec, folder: string): Promise<string[]> {
  const { sources, joins, labels } = contextOf(spec);
  const problems: string[] = [];
  const names: string[] = [];
  for (const [k, source] of sources.entries()) {
    const field = `privileged.sources.${k}`;
    if (source.label !== undefined && !labels.includes(source.label))
      problems.push(
        `${field}.label: found ${source.label}, expected one of privileged.labels (${labels.join(', ') || 'none is listed'}): this pipeline may not read it`,
      );
    if ('files' in source) {
      const found = await filesOf(source as FileSource, folder);
      if (found.length === 0)
        problems.push(`${field}.files: no file in ${folder} matches ${source.files.join(', ')}, expected at least one`);
      names.push(...found);
    } else if ('keyed' in source) problems.push(...(await checkKeyed(resolve(folder, source.keyed), source, field)));
  }
  const onlyFiles = sources.every((source) => !('topic' in source));
  for (const [k, join] of joins.entries()) {
    if (typeof join === 'string') continue;
    const searchable = sources.some((source) => !('keyed' in source));
    if ('search' in join && !searchable)
      problems.push(`privileged.join.${k}.search: there is nothing to search; expected a source of files or a topic`);
    if ('documents' in join && onlyFiles)
      for (const id of join.documents.filter((name) => !names.includes(name) && !/^(reference|trace):/.test(name))) {
        const near = nearest(id, names);
        problems.push(
          `privileged.join.${k}.documents: no source has ${id}; ${near ? `did you mean ${near}?` : 'expected the path of a file, as in privileged.sources'}`,
        );
      }
  }
  if (shownKinds(joins).includes('document') && spec.teach.contextTokens === undefined)
    problems.push('teach.contextTokens: is missing; documents are cut to it: expected tokens of context at most');
  return problems;
}

async function checkKeyed(
  path: string,
  source: Extract<DocumentSource, { keyed: string }>,
  field: string,
): Promise<string[]> {
  if (!existsSync(path)) return [`${field}.keyed: ${path}: no such file`];
  const columns = [source.key, source.reference, source.trace].filter((name) => name !== undefined);
  if (columns.length < 2) return [`${field}: names no column to show; expected reference, trace or both`];
  const ending = /\.(csv|tsv)$/i.exec(path)?.[1]?.toLowerCase();
  if (!ending) return [];
  const file = await open(path);
  let header = '';
  for await (const line of file.readLines()) {
    header = line;
    break;
  }
  const there = header.replace(/^\uFEFF/, '').split(ending === 'csv' ? ',' : '\t');
  const known = there.map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
  return columns
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      // A file without a header has text of its first row there: only what is nearly the name asked for is quoted.
      return `${field}: ${path}: no column ${name}; ${near ? `did you mean ${near}?` : `expected one of the ${known.length} columns that its first line names`}`;
    });
}

export interface ContextEnvironment {
  readonly log: TopicLog;
  readonly table: PrivilegedTable;
  readonly spec: PipelineSpec;
  /** What the sources' paths are relative to. */
  readonly folder: string;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
}

/** Brings the `privileged` topic up to the declared sources; what cannot be read becomes a dead letter, once, without a word of it. */
export async function ingestContext(environment: ContextEnvironment): Promise<IngestReport> {
  const { log, table, spec, folder, run, now } = environment;
  const { sources } = contextOf(spec);
  const report = await ingestDocuments(log, table, { run, sources, folder, now });
  await tossProblems(report.problems, environment);
  return report;
}

/** Goes on reading the sources until it is stopped. */
export function watchContext(
  environment: ContextEnvironment,
  seconds: number,
): Pick<RunningStage, 'ended' | 'stop'> & { readonly stats: { readonly running: number; readonly waiting: boolean } } {
  const { log, table, spec, folder, run, now } = environment;
  const abort = new AbortController();
  const options = { run, sources: contextOf(spec).sources, folder, now };
  const watch = async () => {
    const reports = watchSources(log, table, { ...options, intervalMs: seconds * 1000, signal: abort.signal });
    for await (const { problems } of reports) await tossProblems(problems, environment);
  };
  const ended = watch();
  return {
    ended,
    // Nothing waits for a watch to be done.
    stats: { running: 0, waiting: true },
    async stop() {
      abort.abort();
      await ended.catch(() => {});
    },
  };
}

async function tossProblems(problems: readonly SourceProblem[], environment: ContextEnvironment): Promise<void> {
  if (problems.length === 0) return;
  const { log, run, now, onDeadLetter } = environment;
  const tossed = new Set<string>();
  for await (const record of scan(log, 'dead-letters', 0)) tossed.add(record.key);
  for (const { source, code, message } of problems) {
    const id = digest('privileged', source, code, message).slice(0, 16);
    if (tossed.has(id)) continue;
    tossed.add(id);
    onDeadLetter?.('ingest', code, message);
    const place = { topic: 'privileged', partition: 0, offset: -1n, key: source };
    const letter = { run, id, stage: 'ingest', cause: code, error: message, ...place };
    await log.append([toAppend('dead-letters', { ...letter, value: null, headers: {}, attempts: 1, time: now() })]);
  }
}

/** Steps and samples whose teacher was shown a document, from the record of it. */
export async function usesOf(
  log: TopicLog,
  id: string,
): Promise<{ readonly steps: readonly number[]; readonly samples: number }> {
  const steps = new Set<number>();
  let samples = 0;
  const partitions = (await log.describe()).find(({ name }) => name === 'teacher-scores')?.bounds ?? [];
  for (const partition of partitions.keys())
    for await (const record of scan(log, 'teacher-scores', partition)) {
      if (record.value === null) continue;
      const { documents, step } = fromRecord('teacher-scores', { ...record, value: record.value });
      if (!documents.some((document) => document.id === id)) continue;
      steps.add(step);
      samples++;
    }
  return { steps: [...steps].sort((a, b) => a - b), samples };
}

/** @throws {UserError} `no-document`, with the nearest id, when the table never held it. */
export async function requireDocument(table: PrivilegedTable, id: string): Promise<DocumentState> {
  const state = await table.document(id);
  if (state) return state;
  const ids: string[] = [];
  for await (const document of table.documents()) ids.push(document.id);
  const near = nearest(id, ids);
  throw new UserError(
    'no-document',
    `document ${id}: the run never held it; ${near ? `did you mean ${near}?` : 'expected an id that `rlsd privileged list` shows'}`,
  );
}
