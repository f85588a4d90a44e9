import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reachless } from '../../engines/engine-spec.js';
import { MANIFEST } from '../../pipelines/feeds/recorded-spec.js';
import { originalSpec } from '../../pipelines/spec/extended.js';
import { checkSpec } from '../../pipelines/spec/parse.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { codecFor } from '../../records/codec.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { groupTopics, type TopicName } from '../../topics/record-codec.js';
import { storeName } from '../../topics/registry.js';
import { type FolderClaim, joinRun } from './claim.js';
import { codeHash, type Machine, machineOf, programVersions } from './program-hash.js';
import { manifestAppends, readTopicManifest, renamed } from './topic.js';

/** Everything that decides what a run computes. Two runs of one manifest give the same records. */
export interface Manifest {
  readonly format: 1;
  /** Name of the run: the pipeline's and a hash of the rest. */
  readonly run: string;
  readonly spec: PipelineSpec;
  /** Folder that the spec's paths are relative to. */
  readonly folder: string;
  readonly model: {
    readonly weights: string;
    readonly tokenizer: string;
    readonly template: string;
    /** Of a separate teacher. */
    readonly teacher?: string;
    /** Of an adapter to begin with: its weights and its scale. */
    readonly adapter?: string;
  };
  /** Id of the engine: its name and a hash of its settings and module. Runs of 0.1.0 have none. */
  readonly engine?: string;
  readonly teacherTemplate: string | null;
  readonly verifier: string;
  /** Id of the method. */
  readonly shaper: string;
  /** Content hash of the user's module that defines the method. */
  readonly methodModule?: string;
  /** Content hash of the user's module that defines the loss. */
  readonly lossModule?: string;
  /** That of each further learner that has a loss module of its own. */
  readonly lossModules?: Readonly<Record<string, string>>;
  readonly prompts: string;
  /** The share of questions that each task holds out, by task; '' without `tasks`. Missing where there is none. */
  readonly heldOutShares?: Readonly<Record<string, number>>;
  /** Day of the first start, in UTC, where the chat template prints it. */
  readonly date?: string;
  /** Content hash of each user transform module, by topic. */
  readonly transform: Readonly<Record<string, string>>;
  /** Components that the program passed as objects, such as `policy` and `learner`. */
  readonly objects?: readonly string[];
  /** Content hash of each document file, by path; empty if the sources are watched for changes. */
  readonly documents?: Readonly<Record<string, string>>;
  /** Content hash of each embedding model that a search uses, by its folder. */
  readonly embeddings?: Readonly<Record<string, string>>;
  /** Of a replay: the run and records that it starts from. */
  readonly parent?: Parent;
  /** Of an imported run: the original topic store, and whether its privileged content is included. */
  readonly bundle?: { readonly from: string; readonly privileged: boolean };
  readonly schemas: Readonly<Record<string, string>>;
  /** Content hash of this program. */
  readonly code: string;
  /** Versions of the program, its libraries and Node; the version of Node is informational. */
  readonly versions: Readonly<Record<string, string>>;
  /** Processor: affects only whether float results can be bit-identical. */
  readonly machine: Machine;
}

/** The run that a replay began from. */
export interface Parent {
  readonly run: string;
  readonly folder: string;
  /** The topic whose records are replayed. */
  readonly from: string;
  /** Overrides of the parent's spec, as `path=value`. */
  readonly set: readonly string[];
  /** The replayed part, as `field=range`; empty: all of it. */
  readonly only: readonly string[];
  readonly train: boolean;
  readonly evaluate: boolean;
}

const topics: readonly TopicName[] = [
  'prompts',
  'references',
  'privileged',
  ...groupTopics,
  'weights',
  'metrics',
  'dead-letters',
  'disagreements',
  'evaluations',
];

/** Builds the manifest of a new run from its model, verifier, template and prompts, and fingerprints of the program. */
export function manifestOf(
  parts: Omit<Manifest, 'format' | 'run' | 'schemas' | 'code' | 'versions' | 'machine'>,
): Manifest {
  const schemas = Object.fromEntries(topics.map((topic) => [topic, codecFor(topic).fingerprint]));
  const { folder, documents, date, ...rest } = parts;
  const decisive = { ...rest, schemas, code: codeHash() };
  const original = { ...decisive, spec: originalSpec(parts.spec) };
  const name = `${parts.spec.pipeline}-${digest(JSON.stringify(placeless(original))).slice(0, 8)}`;
  // A run keeps its name on another day, with more steps, and when it ingests changed documents.
  return {
    format: 1,
    run: name,
    folder,
    ...decisive,
    ...(date !== undefined && { date }),
    ...(documents && { documents }),
    versions: programVersions(),
    machine: machineOf(),
  };
}

/**
 * The manifest of a run's folder.
 * @throws {UserError} `no-run`, `bad-manifest`, `bad-spec`, `other-version`
 */
export function readManifest(run: string): Manifest {
  const file = join(run, MANIFEST);
  if (!existsSync(file)) throw new UserError('no-run', `${run}: no run here, expected a folder with ${MANIFEST}`);
  let manifest: Manifest | null;
  try {
    const written: Manifest | null = JSON.parse(readFileSync(file, 'utf8'));
    manifest = written && renamed(written);
  } catch (error) {
    throw new UserError('bad-manifest', `${file}: not JSON (${(error as Error).message})`);
  }
  if (manifest?.format !== 1)
    throw new UserError('other-version', `${file}: found format ${JSON.stringify(manifest?.format)}, expected 1`);
  for (const field of ['run', 'folder', 'verifier', 'prompts'] as const)
    if (typeof manifest[field] !== 'string') lacks(file, field, manifest[field], 'a string');
  for (const field of ['model', 'transform', 'schemas', 'versions', 'machine'] as const)
    if (!isObject(manifest[field])) lacks(file, field, manifest[field], 'an object');
  return { ...manifest, spec: checkSpec(manifest.spec, { locate: () => `${file}: spec` }) };
}

function lacks(file: string, field: string, found: unknown, expected: string): never {
  throw new UserError('bad-manifest', `${file}: ${field}: found ${JSON.stringify(found)}, expected ${expected}`);
}

/**
 * Claims a folder for a run: writes the manifest if there is none, otherwise checks that it is the same. Documents are
 * compared later, by `refuseOtherDocuments`, once the log shows which of them were forgotten.
 * @returns the manifest of the run that was there already
 * @throws {UserError} `other-manifest`, naming every difference
 */
export function claimFolder(run: string, manifest: Manifest): Manifest | undefined {
  if (!existsSync(join(run, MANIFEST))) {
    writeManifest(run, manifest);
    return undefined;
  }
  const found = readManifest(run);
  refuseOther(run, found, manifest);
  return found;
}

export function writeManifest(run: string, manifest: Manifest): void {
  mkdirSync(run, { recursive: true });
  const partial = join(run, `${MANIFEST}.partial`);
  writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(partial, join(run, MANIFEST));
}

/**
 * Claims the topics of a run in the same way: the first process writes the manifest into its topic.
 * @param claim what the folder knows of its run, where topics are shared with others, and whether to join theirs
 * @returns the manifest of the run that was there already
 * @throws {UserError} `other-manifest`, naming every difference; `run-of-others`
 */
export async function claimTopics(
  log: TopicLog,
  run: string,
  manifest: Manifest,
  claim?: { readonly own: FolderClaim; readonly join: boolean },
): Promise<Manifest | undefined> {
  const before = await readTopicManifest(log);
  if (!before) await log.append(manifestAppends(manifest, claim?.own.id));
  // Of processes that begin at once, the first record counts.
  const found = before ?? (await readTopicManifest(log));
  if (found) {
    refuseOther(`the topics of ${run}`, renamed(found.manifest as Manifest), manifest);
    if (claim) joinRun(run, claim.own, found, claim.join);
  }
  return before && renamed(before.manifest as Manifest);
}

/** The manifest in a run's topic, if any. */
export async function topicManifest(log: TopicLog): Promise<Manifest | undefined> {
  const found = await readTopicManifest(log);
  return found && renamed(found.manifest as Manifest);
}

/**
 * Checks that a run continues with its original documents. Forgotten ones may be missing from their source.
 * @throws {UserError} `other-manifest`, naming every document that differs
 */
export async function refuseOtherDocuments(
  run: string,
  { documents: found = {} }: Manifest,
  { documents: expected = {} }: Manifest,
  isForgotten: (document: string) => Promise<boolean>,
): Promise<void> {
  const lines: string[] = [];
  for (const difference of differences({ documents: found }, { documents: expected }, []))
    if (!(await isForgotten(difference.field.slice('documents.'.length)))) lines.push(differenceLine(difference));
  if (lines.length > 0)
    throw new UserError(
      'other-manifest',
      `${run}: its documents have changed since it began:\n${lines.join('\n')}\n` +
        `restore them, ingest the changes with \`rlsd privileged ingest\`, or allow changes with privileged.watch`,
    );
}

function refuseOther(run: string, found: Manifest, manifest: Manifest): void {
  const differences = manifestDifferences(found, manifest);
  if (differences.length === 0) return;
  const lines = differences.map(differenceLine).join('\n');
  const { steps } = manifest.spec;
  const isLonger = differences.every(({ field }) => /^spec\.(steps|extended)/.test(field));
  const next =
    isLonger && steps !== undefined
      ? `\`rlsd resume RUN --steps ${Math.max(steps, found.spec.steps ?? 0)}\` gives a run more steps; choose ` +
        'another folder with --run for a new one'
      : 'choose another folder with --run';
  throw new UserError('other-manifest', `${run}: contains a different run:\n${lines}\n${next}`);
}

/** How a store and an engine are reached may differ from machine to machine. */
function placeless<T extends { readonly spec?: PipelineSpec }>(manifest: T): T {
  const { spec } = manifest;
  if (!spec) return manifest;
  const model = { ...spec.model, engine: reachless(spec.model.engine) };
  return { ...manifest, spec: { ...spec, model, topics: storeName(spec.topics) } };
}

export interface ManifestDifference {
  readonly field: string;
  /** As JSON. */
  readonly found: string;
  readonly expected: string;
}

export const differenceLine = ({ field, found, expected }: ManifestDifference): string =>
  `  ${field}: the run has ${found}, this pipeline ${expected}`;

/** Differences that affect results. Node and the processor are informational; documents are compared
 * separately; the date is that of the run. */
export function manifestDifferences(found: Manifest, expected: Manifest): ManifestDifference[] {
  const decisive = (manifest: Manifest) => {
    const {
      machine: _,
      folder: __,
      run: ___,
      bundle: ____,
      documents: _____,
      date: ______,
      versions,
      ...rest
    } = manifest;
    return placeless({ ...rest, versions: { ...versions, node: '' } });
  };
  return differences(decisive(found), decisive(expected), []);
}

function differences(found: unknown, expected: unknown, path: readonly string[]): ManifestDifference[] {
  if (isObject(found) && isObject(expected))
    return [...new Set([...Object.keys(found), ...Object.keys(expected)])].flatMap((key) =>
      differences(found[key], expected[key], [...path, key]),
    );
  const [there, here] = [JSON.stringify(found) ?? 'nothing', JSON.stringify(expected) ?? 'nothing'];
  return there === here ? [] : [{ field: path.join('.'), found: there, expected: here }];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
