import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../digest.js';
import { UserError } from '../errors.js';
import { codecFor } from '../topics/codec.js';
import type { TopicLog } from '../topics/log.js';
import { scan } from '../topics/scan.js';
import { codeHash, type Machine, machineOf, programVersions } from './program-hash.js';
import type { PipelineSpec } from './spec.js';
import { groupTopics, type TopicName } from './wire.js';

/** Everything that decides what a run computes. Two runs of one manifest give the same records. */
export interface Manifest {
  readonly format: 1;
  /** Name of the run: the pipeline's and a hash of the rest. */
  readonly run: string;
  readonly spec: PipelineSpec;
  /** Folder that the spec's paths are relative to. */
  readonly folder: string;
  readonly model: { readonly weights: string; readonly tokenizer: string; readonly template: string };
  readonly teacherTemplate: string | null;
  readonly verifier: string;
  readonly shaper: string;
  readonly prompts: string;
  /** Content hash of each module of the user's own, by topic. */
  readonly through: Readonly<Record<string, string>>;
  /** Content hash of each embedding model that a search uses, by its folder. */
  readonly embeddings?: Readonly<Record<string, string>>;
  /** Of a replay: what was recorded elsewhere and taken over. */
  readonly parent?: Parent;
  /** Of a run that came in a bundle: where its topics had been, and whether its privileged content came along. */
  readonly bundle?: { readonly from: 'embedded' | 'kafka'; readonly privileged: boolean };
  readonly schemas: Readonly<Record<string, string>>;
  /** Content hash of this program. */
  readonly code: string;
  /** The program, its libraries and Node; for the record. */
  readonly versions: Readonly<Record<string, string>>;
  /** Decides only whether float results can be the same bit by bit. */
  readonly machine: Machine;
}

/** The run that a replay began from. */
export interface Parent {
  readonly run: string;
  readonly folder: string;
  /** The topic whose records were taken over. */
  readonly from: string;
  /** The parent's spec with these set otherwise, as `path=value`. */
  readonly set: readonly string[];
}

const FILE = 'manifest.json';
const topics: readonly TopicName[] = [
  'prompts',
  'references',
  'privileged',
  ...groupTopics,
  'weights',
  'metrics',
  'dead-letters',
  'disagreements',
];

/** The manifest of a run to be: what was found of the model, verifier, template and prompts, with the fingerprints of this program. */
export function manifestOf(
  parts: Omit<Manifest, 'format' | 'run' | 'schemas' | 'code' | 'versions' | 'machine'>,
): Manifest {
  const schemas = Object.fromEntries(topics.map((topic) => [topic, codecFor(topic).fingerprint]));
  const { folder, ...rest } = parts;
  const decisive = { ...rest, schemas, code: codeHash() };
  const name = `${parts.spec.pipeline}-${digest(JSON.stringify(placeless(decisive))).slice(0, 8)}`;
  return { format: 1, run: name, folder, ...decisive, versions: programVersions(), machine: machineOf() };
}

/**
 * The manifest of a run's folder.
 * @throws {UserError} `no-run`, `bad-manifest`, `other-version`
 */
export function readManifest(run: string): Manifest {
  const file = join(run, FILE);
  if (!existsSync(file)) throw new UserError('no-run', `${run}: no run here, expected a folder with ${FILE}`);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (error) {
    throw new UserError('bad-manifest', `${file}: not JSON (${(error as Error).message})`);
  }
  if (manifest.format !== 1)
    throw new UserError('other-version', `${file}: found format ${JSON.stringify(manifest.format)}, expected 1`);
  return manifest;
}

/**
 * Claims a folder for a run: writes the manifest where there is none, and otherwise makes sure that it is the same.
 * @returns whether a run was there already
 * @throws {UserError} `other-manifest`, naming every difference
 */
export function claimFolder(run: string, manifest: Manifest): boolean {
  if (!existsSync(join(run, FILE))) {
    mkdirSync(run, { recursive: true });
    const partial = join(run, `${FILE}.partial`);
    writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`);
    renameSync(partial, join(run, FILE));
    return false;
  }
  refuseOther(run, readManifest(run), manifest);
  return true;
}

/**
 * Claims the topics of a run on a cluster in the same way: whoever comes first writes the manifest into its topic.
 * @returns whether a run was there already
 * @throws {UserError} `other-manifest`, naming every difference
 */
export async function claimTopics(log: TopicLog, run: string, manifest: Manifest): Promise<boolean> {
  const there = async () => {
    const found: Manifest[] = [];
    for await (const { value } of scan(log, 'manifest', 0))
      if (value !== null) found.push(JSON.parse(Buffer.from(value).toString('utf8')) as Manifest);
    return found;
  };
  const before = await there();
  // What the record says must not depend on the machine that wrote it.
  const { folder: _, ...portable } = manifest;
  if (before.length === 0)
    await log.append([{ topic: 'manifest', key: 'run', value: Buffer.from(JSON.stringify(portable)) }]);
  for (const found of before.length > 0 ? before : await there())
    refuseOther(`the run ${run} on Kafka`, found, manifest);
  return before.length > 0;
}

function refuseOther(run: string, found: Manifest, manifest: Manifest): void {
  const differences = manifestDifferences(found, manifest);
  if (differences.length > 0)
    throw new UserError(
      'other-manifest',
      `${run}: holds a run that differs:\n${differences.join('\n')}\nchoose another folder with --run`,
    );
}

/** How a cluster is reached may differ from machine to machine. */
function placeless<T extends { readonly spec?: PipelineSpec }>(manifest: T): T {
  const { spec } = manifest;
  if (!spec || spec.topics === 'embedded') return manifest;
  return { ...manifest, spec: { ...spec, topics: 'kafka' } };
}

/** Differences as lines of field, found and expected. Versions and machine may differ: they are for the record. */
export function manifestDifferences(found: Manifest, expected: Manifest): string[] {
  const decisive = ({ versions: _, machine: __, folder: ___, run: ____, bundle: _____, ...rest }: Manifest) =>
    placeless(rest);
  return differences(decisive(found), decisive(expected), []);
}

function differences(found: unknown, expected: unknown, path: readonly string[]): string[] {
  if (isObject(found) && isObject(expected))
    return [...new Set([...Object.keys(found), ...Object.keys(expected)])].flatMap((key) =>
      differences(found[key], expected[key], [...path, key]),
    );
  const [there, here] = [JSON.stringify(found), JSON.stringify(expected)];
  return there === here
    ? []
    : [`  ${path.join('.')}: the run has ${there ?? 'nothing'}, this pipeline ${here ?? 'nothing'}`];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
