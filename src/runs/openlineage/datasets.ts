import { resolve } from 'node:path';
import { baseFolder } from '../../pipelines/plan/model.js';
import { needs, type Plan, writtenBy } from '../../pipelines/plan/plan.js';
import { contextOf } from '../../pipelines/running/context.js';
import { tasksOf } from '../../pipelines/spec/tasks.js';
import { placeOf } from '../../pipelines/topic-log.js';
import type { SourceDigest } from '../../privileged/sources/digest.js';
import { codecFor } from '../../records/codec.js';
import { recordType } from '../../topics/record-codec.js';
import type { Manifest } from '../manifest/manifest.js';
import type { facetsBy, InputDataset, OutputDataset } from './event.js';

/** The work of one process: a whole run, or some of its stages. */
export interface Subject {
  readonly plan: Plan;
  readonly manifest: Manifest;
  /** The run's folder. */
  readonly folder: string;
  readonly stages: readonly string[];
  /** Hashes of the declared sources of privileged context. */
  readonly sources: readonly SourceDigest[];
}

interface Trained {
  readonly weights: { readonly digest: string; readonly path: string };
}

/** The result of that work. */
export interface Outcome extends Trained {
  /** Those of further learners. */
  readonly learners?: Readonly<Record<string, Trained>>;
  readonly records: Readonly<Record<string, number>>;
}

type Make = ReturnType<typeof facetsBy>;

/**
 * Datasets that the stages read and do not write: the base model, prompts, documents, and topics of other processes.
 */
export function inputsOf(subject: Subject, make: Make): InputDataset[] {
  const { plan, manifest, stages, sources } = subject;
  const { spec, folder } = plan;
  const written = topicsWritten(subject);
  const read = ownStages(subject).flatMap(({ input, tables }) => [input, ...tables]);
  const documentTopics = sources.length > 0 || stages.includes('ingest') ? topicSources(plan) : [];
  const topics = new Set([...read, ...documentTopics].filter((name) => name !== 'source' && !written.has(name)));
  const base = { namespace: 'file', name: baseFolder(spec, folder) };
  const version = (datasetVersion: string) => make.version({ datasetVersion });
  return [
    {
      ...base,
      facets: { datasetType: make.datasetType({ datasetType: 'MODEL' }), version: version(manifest.model.weights) },
    },
    ...(stages.includes('ingest') ? promptDatasets(subject, make) : []),
    ...sources.map(({ name, hash, files, bytes }) => ({
      namespace: 'file',
      name: resolve(folder, name),
      facets: { datasetType: make.datasetType({ datasetType: 'FILE' }), version: version(hash) },
      inputFacets: { inputStatistics: make.inputStatistics({ fileCount: files, size: bytes }) },
    })),
    ...[...topics].map((name) => topicDataset(name, subject, make)),
  ];
}

/** What the prompts of each task are read from. */
function promptDatasets({ plan: { spec, folder }, manifest }: Subject, make: Make): InputDataset[] {
  return tasksOf(spec).flatMap(({ prompts }) => {
    if (!prompts) return [];
    const facets = { version: make.version({ datasetVersion: manifest.prompts }) };
    if ('generate' in prompts) return [{ namespace: 'rlsd', name: prompts.generate, facets }];
    if ('topic' in prompts) return [];
    const paths = 'file' in prompts ? [prompts.file].flat() : [prompts.module];
    return paths.map((path) => ({ namespace: 'file', name: resolve(folder, path), facets }));
  });
}

/** Topics that the stages write; with an outcome, also their record counts and the trained model. */
export function outputsOf(subject: Subject, make: Make, outcome?: Outcome): OutputDataset[] {
  const topics = [...topicsWritten(subject)].map((name): OutputDataset => {
    const rowCount = outcome?.records[name];
    return {
      ...topicDataset(name, subject, make),
      ...(rowCount !== undefined && { outputFacets: { outputStatistics: make.outputStatistics({ rowCount }) } }),
    };
  });
  if (!outcome) return topics;
  const trained = ownStages(subject).filter((stage) => needs(stage, 'trainer'));
  const models = trained.map(({ learner }): OutputDataset => {
    const { path, digest } = (outcome.learners?.[learner] ?? outcome).weights;
    const facets = {
      datasetType: make.datasetType({ datasetType: 'MODEL' }),
      version: make.version({ datasetVersion: digest }),
    };
    return { namespace: 'file', name: resolve(path), facets };
  });
  return [...topics, ...models];
}

const ownStages = ({ plan, stages }: Subject) => plan.stages.filter(({ name }) => stages.includes(name));

const topicSources = ({ spec }: Plan): string[] => [
  ...contextOf(spec).sources.flatMap((source) => ('topic' in source ? [source.topic] : [])),
  ...tasksOf(spec).flatMap(({ prompts }) => (prompts && 'topic' in prompts ? [prompts.topic] : [])),
];

function topicsWritten(subject: Subject): Set<string> {
  const { plan } = subject;
  return new Set(ownStages(subject).flatMap((stage) => writtenBy(stage, plan)));
}

/** Identifies a topic of a cluster by broker and full name, and an embedded one by its path. */
function topicDataset(topic: string, { plan: { store }, folder }: Subject, make: Make) {
  const place = store.dataset(placeOf(resolve(folder)), topic);
  const kind = recordType(topic);
  const fields = kind ? fieldsOf(codecFor(kind).schema) : [];
  return {
    ...place,
    facets: {
      datasetType: make.datasetType({ datasetType: 'TOPIC' }),
      ...(fields.length > 0 && { schema: make.schema({ fields }) }),
    },
  };
}

function fieldsOf(schema: unknown): { name: string; type: string; description?: string }[] {
  const { fields } = schema as { fields: readonly { name: string; type: unknown; doc?: string }[] };
  return fields.map(({ name, type, doc }) => ({ name, type: typeName(type), ...(doc && { description: doc }) }));
}

/** A short name for an Avro type, such as `string` or `null | bytes`. */
function typeName(type: unknown): string {
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return type.map(typeName).join(' | ');
  const { type: outer, name, logicalType } = type as { type: unknown; name?: string; logicalType?: string };
  return name ?? logicalType ?? typeName(outer);
}
