import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fileDigest } from '../../models/safetensors.js';
import type { DocumentState } from '../../privileged/documents/document.js';
import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { embeddingModelHash, readEmbeddingModel } from '../../privileged/embedding/model.js';
import type { Join } from '../../privileged/lookup/lookup.js';
import type { ReadLimits } from '../../privileged/reading/reader.js';
import { csvHeader, headerProblems } from '../../privileged/sources/csv.js';
import { filesOf } from '../../privileged/sources/files.js';
import { type IngestReport, ingest as ingestDocuments, watchSources } from '../../privileged/sources/ingest.js';
import type { DocumentSource, FileSource, SourceProblem } from '../../privileged/sources/source.js';
import type { PrivilegedKind } from '../../records/records.js';
import type { OnDeadLetter, RunningStage } from '../../runtime/stage.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import type { Append, TopicLog } from '../../topics/log.js';
import { toAppend } from '../../topics/record-codec.js';
import { recordsOf, scan } from '../../topics/scan.js';
import type { PipelineSpec } from '../spec/spec.js';
import { type Task, tasksOf } from '../spec/tasks.js';

/** The `privileged` section of a spec, with the short form expanded. */
export interface ContextSpec {
  readonly sources: readonly DocumentSource[];
  readonly joins: readonly Join[];
  readonly labels: readonly string[];
  /** Seconds between two reads of the sources; undefined: they are read once. */
  readonly watch: number | undefined;
  /** What reading one document may take; undefined: the defaults. */
  readonly limits: ReadLimits | undefined;
}

/** What the whole pipeline declares; with tasks, the joins of all of them. */
export function contextOf(spec: PipelineSpec): ContextSpec {
  const declared = declaredContext(spec);
  const joins = tasksOf(spec).flatMap((task) => task.joins ?? declared.joins);
  return {
    ...declared,
    joins: joins.filter((join, k) => joins.findIndex((one) => isDeepStrictEqual(one, join)) === k),
  };
}

/** What the teacher of a task is shown. */
export const taskContext = (spec: PipelineSpec, { joins }: Task): ContextSpec => {
  const declared = declaredContext(spec);
  return { ...declared, joins: joins ?? declared.joins };
};

function declaredContext({ privileged }: PipelineSpec): ContextSpec {
  if (Array.isArray(privileged))
    return { sources: [], joins: privileged, labels: [], watch: undefined, limits: undefined };
  const { sources, join, labels, watch, limits } = privileged;
  return {
    // The parser omits fields that were not given, so none is present and undefined.
    sources: sources as DocumentSource[],
    joins: join as Join[],
    labels,
    watch,
    limits,
  };
}

/** Folders of the embedding models, as the joins name them. */
export function embeddingModels(spec: PipelineSpec): string[] {
  const models = contextOf(spec).joins.flatMap((join) =>
    typeof join === 'object' && 'search' in join ? (join.model ?? []) : [],
  );
  return [...new Set(models)];
}

type Declared = { readonly spec: PipelineSpec; readonly folder: string };

/** Whether the folders of all embedding models exist. */
export const hasEmbeddings = ({ spec, folder }: Declared): boolean =>
  embeddingModels(spec).every((model) => existsSync(resolve(folder, model)));

/** Content hashes of the document files for the manifest; nothing where there are none or they are watched. */
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
      // The ingest reports the error itself.
      return `unreadable (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`;
    }
  };
  return { documents: Object.fromEntries(names.flat().map((name) => [name, hash(name)])) };
}

/** Content hashes of the embedding models for the manifest; nothing where there are none. */
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

/** The kinds of context that joins can show. */
export function shownKinds(joins: readonly Join[]): PrivilegedKind[] {
  return [...new Set(joins.map((join) => (typeof join === 'string' ? join : 'document')))];
}

/**
 * Checks sources and joins without reading documents.
 * @param folder that paths are relative to
 * @returns one problem per line
 */
export async function checkContext(spec: PipelineSpec, folder: string): Promise<string[]> {
  const { sources, joins, labels } = contextOf(spec);
  const problems: string[] = [];
  const names: string[] = [];
  for (const [k, source] of sources.entries()) {
    const field = `privileged.sources.${k}`;
    if (source.label !== undefined && !labels.includes(source.label))
      problems.push(
        `${field}.label: found ${source.label}, expected one of privileged.labels ` +
          `(${labels.join(', ') || 'the list is empty'}); the pipeline may not read other labels`,
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
      problems.push(`privileged.join.${k}.search: found nothing to search, expected a source of files or a topic`);
    if ('documents' in join && onlyFiles)
      for (const id of join.documents.filter((name) => !names.includes(name) && !/^(reference|trace):/.test(name))) {
        const near = nearest(id, names);
        problems.push(
          `privileged.join.${k}.documents: found ${id}, which no source has; ` +
            `${near ? `did you mean ${near}?` : 'expected the path of a file of privileged.sources'}`,
        );
      }
  }
  if (shownKinds(joins).includes('document') && spec.teach.contextTokens === undefined)
    problems.push(
      'teach.contextTokens: is missing, expected the maximum number of context tokens, to which documents are cut',
    );
  return problems;
}

async function checkKeyed(
  path: string,
  source: Extract<DocumentSource, { keyed: string }>,
  field: string,
): Promise<string[]> {
  if (!existsSync(path)) return [`${field}.keyed: ${path}: no such file`];
  const columns = [source.key, source.reference, source.trace].filter((name) => name !== undefined);
  if (columns.length < 2) return [`${field}: found no column to show, expected reference, trace or both`];
  if (!/\.(csv|tsv)$/i.test(path)) return [];
  try {
    return headerProblems(await csvHeader(path, path), columns).map((problem) => `${field}: ${path}: ${problem}`);
  } catch (error) {
    if (error instanceof UserError) return [`${field}: ${error.message}`];
    throw error;
  }
}

export interface ContextEnvironment {
  readonly log: TopicLog;
  readonly table: PrivilegedTable;
  readonly spec: PipelineSpec;
  /** That paths of sources are relative to. */
  readonly folder: string;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
  /** What the run read from its sources when it began. */
  readonly ingested?: IngestReport;
}

/**
 * Updates the `privileged` topic from the declared sources. A document that cannot be read becomes a dead letter, once,
 * that does not quote it.
 */
export async function ingestContext(environment: ContextEnvironment): Promise<IngestReport> {
  const { log, table, spec, folder, run, now } = environment;
  const { sources, limits } = contextOf(spec);
  const report = await ingestDocuments(log, table, { run, sources, folder, now, ...(limits && { limits }) });
  await deadLetterProblems(report.problems, environment);
  return report;
}

/** Reads the sources again every `seconds` until stopped. */
export function watchContext(
  environment: ContextEnvironment,
  seconds: number,
): Pick<RunningStage, 'ended' | 'stop'> & { readonly stats: { readonly running: number; readonly waiting: boolean } } {
  const { log, table, spec, folder, run, now } = environment;
  const abort = new AbortController();
  const { sources, limits } = contextOf(spec);
  const options = { run, sources, folder, now, ...(limits && { limits }) };
  const watch = async () => {
    const reports = watchSources(log, table, { ...options, intervalMs: seconds * 1000, signal: abort.signal });
    for await (const { problems } of reports) await deadLetterProblems(problems, environment);
  };
  const ended = watch();
  return {
    ended,
    // A watch never finishes, so a run must not wait for it.
    stats: { running: 0, waiting: true },
    async stop() {
      abort.abort();
      await ended.catch(() => {});
    },
  };
}

/** Dead letters appended at once. */
const LETTERS = 500;

async function deadLetterProblems(problems: readonly SourceProblem[], environment: ContextEnvironment): Promise<void> {
  if (problems.length === 0) return;
  const { log, run, now, onDeadLetter } = environment;
  const known = new Set<string>();
  for await (const record of scan(log, 'dead-letters', 0)) known.add(record.key);
  const letters: Append[] = [];
  for (const { source, code, message } of problems) {
    const id = digest('privileged', source, code, message).slice(0, 16);
    if (known.has(id)) continue;
    known.add(id);
    onDeadLetter?.('ingest', code, message);
    const place = { topic: 'privileged', partition: 0, offset: -1n, key: source };
    const letter = { run, id, stage: 'ingest', cause: code, error: message, ...place };
    letters.push(toAppend('dead-letters', { ...letter, value: null, headers: {}, attempts: 1, time: now() }));
  }
  for (let k = 0; k < letters.length; k += LETTERS) await log.append(letters.slice(k, k + LETTERS));
}

/** The steps and the number of samples whose teacher was shown a document. */
export async function usesOf(
  log: TopicLog,
  id: string,
): Promise<{ readonly steps: readonly number[]; readonly samples: number }> {
  const steps = new Set<number>();
  let samples = 0;
  for await (const { documents, step } of recordsOf(log, 'teacher-scores')) {
    if (!documents.some((document) => document.id === id)) continue;
    steps.add(step);
    samples++;
  }
  return { steps: [...steps].sort((a, b) => a - b), samples };
}

/** @throws {UserError} `no-document` with the nearest id, where the table never contained it */
export async function requireDocument(table: PrivilegedTable, id: string): Promise<DocumentState> {
  const state = await table.document(id);
  if (state) return state;
  const ids: string[] = [];
  for await (const document of table.documents()) ids.push(document.id);
  const near = nearest(id, ids);
  throw new UserError(
    'no-document',
    `document ${id}: the run never contained it; ` +
      `${near ? `did you mean ${near}?` : 'expected an id that `rlsd privileged list` shows'}`,
  );
}
