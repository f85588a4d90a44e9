import { flowOrder, isShared } from '../../pipelines/plan/plan.js';
import { openRunFolder, type RunFolder } from '../../runs/inspect/run-folder.js';
import { type ManifestDifference, manifestDifferences } from '../../runs/manifest/manifest.js';
import { figureName, type MetricRow, readMetrics } from '../../runs/metrics/read.js';
import { topicDigest } from '../../topics/digest.js';
import { headerPlace } from '../../topics/record-codec.js';
import { isSpread } from '../recorded.js';
import { compareTopic } from '../verify/compare.js';
import type { Difference } from '../verify/compare-records.js';

/** Two things, of the first run and of the second. */
export interface Both<T> {
  readonly a: T;
  readonly b: T;
}

export interface TopicDifference {
  readonly topic: string;
  /** null where a run has no such topic. */
  readonly records: Both<number | null>;
  readonly digest: Both<string | null>;
  readonly equal: boolean;
}

/** The first record that differs, by step and then in the order of the flow. */
export interface FirstDifference {
  readonly topic: string;
  /** null where the records of the topic have no step. */
  readonly step: number | null;
  /** `PROMPT/INDEX`, or the record's key. */
  readonly sample: string;
  readonly field: string;
  readonly values: Both<string>;
}

/** A figure at the last step that both runs have it for. */
export interface FigureDifference {
  readonly figure: string;
  readonly step: number;
  readonly values: Both<number>;
  /** The first step at which they differ; null where they never do. */
  readonly differsFrom: number | null;
}

export interface ComparedRuns {
  readonly runs: Both<string>;
  /** What of the manifests differs: settings, inputs, program. */
  readonly settings: readonly (Pick<ManifestDifference, 'field'> & { readonly values: Both<string> })[];
  readonly topics: readonly TopicDifference[];
  readonly first: FirstDifference | null;
  readonly figures: readonly FigureDifference[];
}

/**
 * Compares two runs, of the same pipeline or not.
 * @param a folder of the first run
 * @param b folder of the second
 */
export async function compareRuns(a: string, b: string): Promise<ComparedRuns> {
  const first = await openRunFolder(a);
  try {
    const second = await openRunFolder(b);
    try {
      return await compareOpen(first, second);
    } finally {
      await second.log.close();
    }
  } finally {
    await first.log.close();
  }
}

async function compareOpen(a: RunFolder, b: RunFolder): Promise<ComparedRuns> {
  const topics = await compareTopics(a, b);
  return {
    runs: { a: a.manifest.run, b: b.manifest.run },
    settings: manifestDifferences(a.manifest, b.manifest).map(({ field, found, expected }) => ({
      field,
      values: { a: found, b: expected },
    })),
    topics,
    first: await firstDifference(a, b, topics),
    figures: compareFigures(await readMetrics(a.log), await readMetrics(b.log)),
  };
}

/** Topics in the order of the flow, then the others by name. */
function topicNames({ plan }: RunFolder): string[] {
  const flow = ['prompts', ...flowOrder(plan).map(({ output }) => output)];
  const all = plan.topics.map(({ name }) => name).sort();
  return [...new Set([...flow, ...all])].filter((name) => all.includes(name) && name !== 'source' && !isShared(name));
}

async function compareTopics(a: RunFolder, b: RunFolder): Promise<TopicDifference[]> {
  const [own, other] = [topicNames(a), topicNames(b)];
  const rows: TopicDifference[] = [];
  for (const topic of new Set([...own, ...other])) {
    const was = own.includes(topic) ? await topicDigest(a.log, topic) : null;
    const is = other.includes(topic) ? await topicDigest(b.log, topic) : null;
    rows.push({
      topic,
      records: { a: was?.count ?? null, b: is?.count ?? null },
      digest: { a: was?.digest ?? null, b: is?.digest ?? null },
      equal: was !== null && was.digest === is?.digest,
    });
  }
  return rows;
}

async function firstDifference(
  a: RunFolder,
  b: RunFolder,
  topics: readonly TopicDifference[],
): Promise<FirstDifference | null> {
  const byKey = isSpread(a) || isSpread(b);
  let first: FirstDifference | null = null;
  for (const { topic, equal, digest } of topics) {
    if (equal || digest.a === null || digest.b === null) continue;
    const { difference } = await compareTopic(a.log, b.log, topic, { byKey });
    const found = difference && (await placed(a, b, difference));
    if (found && (first === null || stepOf(found) < stepOf(first))) first = found;
  }
  return first;
}

/** Records without a step, such as references, are there before any. */
const stepOf = ({ step }: FirstDifference): number => step ?? -1;

async function placed(a: RunFolder, b: RunFolder, difference: Difference): Promise<FirstDifference> {
  const { topic, partition, offset, key, field, expected, found } = difference;
  const { log } = field === 'record' && expected === 'nothing' ? b : a;
  const [record] = await log.read(topic, partition, offset, 1);
  const place = record && headerPlace(record);
  const sample = place && place.sampleIndex !== null ? `${key}/${place.sampleIndex}` : key;
  return { topic, step: place?.step ?? null, sample, field, values: { a: expected, b: found } };
}

function compareFigures(a: readonly MetricRow[], b: readonly MetricRow[]): FigureDifference[] {
  const others = new Map(b.map((row) => [`${row.stage} ${row.step}`, row.values]));
  const found = new Map<string, FigureDifference>();
  for (const row of a)
    for (const [name, value] of Object.entries(row.values)) {
      const other = others.get(`${row.stage} ${row.step}`)?.[name];
      if (other === undefined || name === 'seconds' || name === 'step') continue;
      const figure = figureName(row, name);
      const before = found.get(figure)?.differsFrom ?? null;
      const differsFrom = before ?? (Object.is(value, other) ? null : row.step);
      found.set(figure, { figure, step: row.step, values: { a: value, b: other }, differsFrom });
    }
  return [...found.values()];
}
