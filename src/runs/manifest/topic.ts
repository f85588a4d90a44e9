import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import type { Append, TopicLog } from '../../topics/log.js';
import { scan } from '../../topics/scan.js';
import type { TopicClaim } from './claim.js';
import type { Manifest } from './manifest.js';

const TOPIC = 'manifest';
const RUN = 'run';
const STEPS = 'steps';

/** Bytes of document hashes in one record, so that a manifest of any number of documents fits into messages. */
const PART_BYTES = 16 << 10;

/** The record `run` of the topic. Hashes of many documents are in records of their own, before it. */
type RunRecord = Omit<Manifest, 'folder'> & {
  readonly documentParts?: { readonly digest: string; readonly count: number };
};

/** What a manifest says, under the names of today: runs of 0.1.0 have `through`. */
export function renamed<T extends object>(written: T & { readonly through?: Manifest['transform'] }): T {
  const { through, ...manifest } = written;
  return { ...(manifest as T), ...(through && { transform: through }) };
}

/**
 * What to append for a manifest. Values must not depend on the machine that writes them.
 * @param claim id of the run that begins, in a header
 */
export function manifestAppends({ folder: _, documents, ...manifest }: Manifest, claim?: string): Append[] {
  const append = (key: string, value: unknown): Append => ({
    topic: TOPIC,
    key,
    value: Buffer.from(JSON.stringify(value)),
    ...(claim !== undefined && { headers: { claim } }),
  });
  const parts = documents ? partsOf(documents) : [];
  if (parts.length < 2) return [append(RUN, { ...manifest, ...(documents && { documents }) })];
  const hash = digest(...parts.map((part) => JSON.stringify(part)));
  return [
    ...parts.map((part, k) => append(partKey(hash, k), part)),
    append(RUN, { ...manifest, documentParts: { digest: hash, count: parts.length } }),
  ];
}

/** What to append when a run gets more steps. */
export function stepsAppend({ steps, extended }: Pick<PipelineSpec, 'steps' | 'extended'>): Append {
  return { topic: TOPIC, key: STEPS, value: Buffer.from(JSON.stringify({ steps, extended })) };
}

const partKey = (hash: string, part: number): string => `documents/${hash}/${part}`;

type Documents = NonNullable<Manifest['documents']>;

function partsOf(documents: Documents): Documents[] {
  const parts: [string, string][][] = [];
  let room = 0;
  for (const entry of Object.entries(documents)) {
    const bytes = Buffer.byteLength(JSON.stringify(entry));
    const part = bytes > room ? undefined : parts.at(-1);
    if (part) part.push(entry);
    else parts.push([entry]);
    room = (part ? room : PART_BYTES) - bytes;
  }
  return parts.map((part) => Object.fromEntries(part));
}

/** The manifest in a run's topic, and how the run began. */
export interface TopicManifest extends TopicClaim {
  readonly manifest: Omit<Manifest, 'folder'>;
  readonly offset: bigint;
}

/**
 * The first manifest in a run's topic, with the number of steps that the run was last given, and the offset of its
 * record; undefined where there is none.
 * @throws {UserError} `bad-manifest` where hashes of its documents are gone
 */
export async function readTopicManifest(log: TopicLog): Promise<TopicManifest | undefined> {
  if (!(await log.describe()).some(({ name }) => name === TOPIC)) return undefined;
  const parts = new Map<string, Uint8Array>();
  let first: TopicManifest | undefined;
  for await (const { key, value, offset, headers, timestamp } of scan(log, TOPIC, 0)) {
    if (value === null) continue;
    if (key === RUN)
      first ??= {
        manifest: joinedManifest(parsed(value) as RunRecord, parts),
        offset,
        claim: headers.claim,
        begun: timestamp,
      };
    else if (key === STEPS && first) first = { ...first, manifest: withSteps(first.manifest, parsed(value) as Steps) };
    else parts.set(key, value);
  }
  return first;
}

type Steps = Required<Pick<PipelineSpec, 'steps' | 'extended'>>;

const withSteps = (manifest: Omit<Manifest, 'folder'>, steps: Steps): Omit<Manifest, 'folder'> => ({
  ...manifest,
  spec: { ...manifest.spec, ...steps },
});

function joinedManifest(record: RunRecord, parts: ReadonlyMap<string, Uint8Array>): Omit<Manifest, 'folder'> {
  const { documentParts, ...manifest } = renamed(record);
  const documents = documentParts && joined(parts, documentParts);
  return { ...manifest, ...(documents && { documents }) };
}

function joined(
  parts: ReadonlyMap<string, Uint8Array>,
  { digest: hash, count }: { digest: string; count: number },
): Documents {
  const values = Array.from({ length: count }, (_, k) => parts.get(partKey(hash, k)));
  if (values.includes(undefined))
    throw new UserError(
      'bad-manifest',
      `topic ${TOPIC}: hashes of documents are missing, expected ${count} records of them`,
    );
  return Object.assign({}, ...values.map((value) => parsed(required(value, 'hashes of documents'))));
}

const parsed = (value: Uint8Array): unknown => JSON.parse(Buffer.from(value).toString('utf8'));
