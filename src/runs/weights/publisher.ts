import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LearnedAdapter } from '../../learner/learner.js';
import { modelDigest } from '../../models/folder.js';
import { ADAPTER_WEIGHTS, writeAdapter, writeAdapterConfig } from '../../models/lora/folder.js';
import type { LearnStep } from '../../operators/learn.js';
import type { Publisher } from '../../operators/publish-weights.js';
import { MAIN_LEARNER, ofLearner } from '../../pipelines/spec/learners.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { evaluateStage } from '../../pipelines/stages/evaluate.js';
import type { Announce } from '../../pipelines/stages/resources.js';
import type { Weights } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { isAlive } from '../../support/processes.js';
import { at } from '../../support/required.js';
import type { Position, TopicLog } from '../../topics/log.js';
import { recordIn, toAppend } from '../../topics/record-codec.js';
import { lastRecord } from '../../topics/scan.js';
import type { TopicStore } from '../../topics/store.js';
import { packed, unpacked } from './packed.js';

/** A learner's weights, relative to the run's folder. */
export const weightsFolder = (version: number, learner = MAIN_LEARNER): string =>
  `${ofLearner('weights', learner)}/${numbered(version)}`;

/**
 * A run's own copy of its base model, relative to its folder: version 0 or, where that is an adapter, what a bundle
 * brought along.
 */
export const baseCopy = ({ model }: Pick<PipelineSpec, 'model'>): string => (model.lora ? 'base' : weightsFolder(0));

const numbered = (version: number): string => `v${String(version).padStart(6, '0')}`;

/** What the publisher needs of a learner. */
export interface PublishedLearner {
  /** Writes the weights as a Hugging Face folder, durably; resolves to the SHA-256 of the model file. */
  saveModel(folder: string): Promise<string>;
  /** Writes weights, moments, schedule and the offsets that go with them, durably and at once. */
  saveCheckpoint(folder: string, offsets: readonly Position[]): Promise<void>;
}

/** Whether weights and checkpoints travel through topics: no folder is seen by every process. */
export const viaTopics = ({ traits }: TopicStore): boolean => traits.weights === 'topics';

/** The last weights that a learner published, if any. */
export async function lastWeights(log: TopicLog, learner = MAIN_LEARNER): Promise<Weights | undefined> {
  const topic = ofLearner('weights', learner);
  const last = await lastRecord(log, topic, 0, (record) => recordIn('weights', record) !== undefined);
  return last && recordIn('weights', last);
}

/** Where a learner of a run keeps its files and what they are made of. */
export interface RunFiles {
  readonly log: TopicLog;
  readonly run: string;
  readonly learner: string;
  /** The run's. */
  readonly folder: string;
  /** Folder of the base model. */
  readonly base: string;
  /** Makes the adapter that version 0 is; left out where the whole model is trained. */
  readonly adapter?: () => LearnedAdapter | undefined;
  readonly spec: PipelineSpec;
  readonly store: TopicStore;
}

/** Publishes the base model, or the adapter to begin with, as version 0 of a learner that has published nothing yet. */
export async function publishBase(files: RunFiles): Promise<Weights> {
  const { log, run, learner, folder, base, store } = files;
  const location = viaTopics(store) ? null : weightsFolder(0, learner);
  const adapter = files.adapter?.();
  const target = location ? join(folder, location) : unfinished(files, 'weights', 0);
  if (location || adapter) rmSync(target, { recursive: true, force: true });
  const digest = adapter ? writeAdapter(target, adapter, adapter.base) : modelDigest(base);
  if (location && !adapter) cpSync(base, target, { recursive: true });
  const chunk = adapter && !location ? wholeChunk(readFileSync(join(target, ADAPTER_WEIGHTS))) : null;
  const format = formatOf(files);
  const weights: Weights = { run, version: 0, parent: null, step: 0, digest, offsets: [], location, chunk, format };
  await log.append([toAppend('weights', weights, ofLearner('weights', learner))]);
  return weights;
}

const wholeChunk = (bytes: Buffer): Weights['chunk'] => ({ index: 0, count: 1, bytes });

/** Whether a run publishes whole models or adapters. */
const formatOf = ({ spec }: Pick<RunFiles, 'spec'>): Weights['format'] => (spec.model.lora ? 'adapter' : 'full');

/** The checkpoint that goes with a published version, in a folder that every learner sees. */
export const checkpointOf = (folder: string, version: number, learner = MAIN_LEARNER): string =>
  join(folder, ofLearner('checkpoints', learner), numbered(version));

/**
 * Writes a version's weights and checkpoint, under the run's folder or, where the learner's machine is not to be relied
 * on, into topics. They are durable before the record that names them is committed, and the checkpoint of the last one
 * committed stays until then, so that a crash at any moment finds the one that belongs to the committed offsets.
 */
export function runPublisher<Stats>(
  trained: PublishedLearner,
  files: RunFiles,
  offsets: () => readonly Position[],
  announce: Announce,
): Publisher<Stats> {
  const { log, run, learner, folder, spec, store } = files;
  const { every } = spec.publish;
  return {
    due: ({ step }) => (step + 1) % every === 0,
    async publish({ step }: LearnStep<Stats>) {
      const version = step + 1;
      const consumed = offsets();
      const fresh = unfinished(files, 'weights');
      mkdirSync(fresh, { recursive: true });
      const digest = await trained.saveModel(fresh);
      const location = weightsFolder(version, learner);
      place(fresh, join(folder, location), digest);
      // No learner in another process can come in between.
      if (!store.traits.multiProcess) announce(version, { digest, location });
      const format = formatOf(files);
      const weights = { run, version, parent: version - every, step, digest, offsets: consumed, format };
      if (!viaTopics(store)) {
        await trained.saveCheckpoint(checkpointOf(folder, version, learner), consumed);
        // Steps may be ahead of what is committed, where samples may be older than the newest version.
        const committed = (await lastWeights(log, learner))?.version ?? 0;
        await pruneWeights(files, version);
        await prune(files, 'checkpoints', (old) => old < committed);
        return [{ ...weights, location, chunk: null }];
      }
      await pruneWeights(files, version);
      const scratch = unfinished(files, 'checkpoints');
      await trained.saveCheckpoint(scratch, consumed);
      const topic = ofLearner('checkpoints', learner);
      await log.append([{ topic, key: String(version), value: packed(scratch), headers: { digest } }]);
      const file = format === 'adapter' ? ADAPTER_WEIGHTS : 'model.safetensors';
      const bytes = readFileSync(join(folder, location, file));
      return [{ ...weights, location: null, chunk: wholeChunk(bytes) }];
    },
  };
}

/** Where this process writes files that are not yet complete. */
export const unfinished = ({ folder, learner }: RunFiles, kind: FileKind, version?: number): string =>
  join(
    folder,
    ofLearner(kind, learner),
    `${[process.pid, ...(version === undefined ? [] : [version])].join('.')}.partial`,
  );

/**
 * Calls `use` with the folder of the checkpoint that belongs to published weights.
 * @throws {UserError} `no-checkpoint`
 */
export async function withCheckpoint(
  files: RunFiles,
  { version, digest }: Pick<Weights, 'version' | 'digest'>,
  use: (checkpoint: string) => Promise<unknown>,
): Promise<void> {
  const { log, folder, learner, store } = files;
  if (!viaTopics(store)) {
    await use(checkpointOf(folder, version, learner));
    return;
  }
  const topic = ofLearner('checkpoints', learner);
  // A learner that was stopped before it could commit its weights leaves a checkpoint of its own under the same
  // version.
  const found = await lastRecord(log, topic, 0, (r) => r.key === String(version) && r.headers.digest === digest);
  if (!found?.value)
    throw new UserError(
      'no-checkpoint',
      `topic ${topic}: none of version ${version} with digest ${digest}; the learner cannot continue from it`,
    );
  const scratch = unfinished(files, 'checkpoints');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  for (const [name, bytes] of unpacked(found.value)) writeFileSync(join(scratch, name), bytes);
  await use(scratch);
}

/**
 * The folder of a version that travelled through the topic: made of the base's files, or an adapter's configuration,
 * and the record's weights, once.
 */
export async function materialise(files: RunFiles, { version, digest, chunk, format }: Weights): Promise<string> {
  const { folder, learner, base } = files;
  const target = join(folder, weightsFolder(version, learner));
  // A folder appears complete or not at all; whoever loads it compares its digest.
  if (existsSync(target)) return target;
  const fresh = unfinished(files, 'weights', version);
  rmSync(fresh, { recursive: true, force: true });
  const adapter = format === 'adapter' ? files.adapter?.() : undefined;
  if (adapter) writeAdapterConfig(fresh, adapter.lora, adapter.base);
  else
    cpSync(base, fresh, {
      recursive: true,
      filter: (name) => chunk === null || !/\.safetensors(\.index\.json)?$/.test(name),
    });
  if (chunk) writeFileSync(join(fresh, adapter ? ADAPTER_WEIGHTS : 'model.safetensors'), chunk.bytes);
  const found = modelDigest(fresh);
  if (found !== digest)
    throw new UserError(
      'other-weights',
      `version ${version}: ${chunk ? 'the weights in the topic' : `the base model in ${base}`} have SHA-256 ` +
        `${found}, expected ${digest}`,
    );
  place(fresh, target, digest);
  await pruneWeights(files, version);
  return target;
}

/** Moves a finished folder to where it belongs, unless another process has put the same there. */
export function place(fresh: string, target: string, digest: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(fresh, target);
      return;
    } catch (error) {
      if (attempt === 4) throw error;
    }
    if (existsSync(target) && modelDigest(target) === digest) {
      rmSync(fresh, { recursive: true, force: true });
      return;
    }
    rmSync(target, { recursive: true, force: true });
  }
}

async function pruneWeights(files: RunFiles, version: number): Promise<void> {
  const { every, keep } = files.spec.publish;
  const unmeasured = await firstUnmeasured(files, version);
  await prune(
    files,
    'weights',
    (old) => old < version - keep * every && !isInUse(old, { version, unmeasured, spec: files.spec }),
  );
}

interface InUse {
  /** The newest version. */
  readonly version: number;
  readonly unmeasured: number;
  readonly spec: PipelineSpec;
}

/** The base, what is still to be measured, and what the teacher of a sample in flight may be. */
function isInUse(old: number, { version, unmeasured, spec: { teach, evaluate, flow } }: InUse): boolean {
  const oldestInFlight = Math.max(0, version - flow.maxLag - 1);
  const isTeacher = old >= oldestInFlight - (oldestInFlight % teach.every);
  return old === 0 || isTeacher || (old >= unmeasured && old % evaluate.every === 0);
}

/** The oldest version whose accuracy is not recorded yet. */
async function firstUnmeasured({ log, learner, spec, store }: RunFiles, version: number): Promise<number> {
  // There, a folder is a copy that can be made again, and a record of weights is too large to be read for this.
  if (viaTopics(store)) return version - 2 * spec.evaluate.every;
  const topic = ofLearner('weights', learner);
  const { offset } = at(await log.committed(ofLearner(evaluateStage.name, learner), topic), 0);
  const [record] = await log.read(topic, 0, offset, 1);
  return (record && recordIn('weights', record)?.version) ?? Number.POSITIVE_INFINITY;
}

const fileKinds = ['weights', 'checkpoints'] as const;
type FileKind = (typeof fileKinds)[number];

async function prune(
  { folder, learner }: RunFiles,
  kind: FileKind,
  goes: (version: number) => boolean,
): Promise<unknown> {
  const root = join(folder, ofLearner(kind, learner));
  if (!existsSync(root)) return;
  const old = readdirSync(root).filter((name) => {
    const version = /^v(\d+)$/.exec(name)?.[1];
    return version !== undefined && goes(Number(version));
  });
  return Promise.all(old.map((name) => rm(join(root, name), { recursive: true, force: true })));
}

/** Removes what processes of this machine that are no more left unfinished. */
export function sweep({ folder, learner }: RunFiles): void {
  for (const kind of fileKinds) {
    const root = join(folder, ofLearner(kind, learner));
    for (const name of existsSync(root) ? readdirSync(root) : []) {
      const pid = /^(\d+)(\.\d+)?\.partial$/.exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(root, name), { recursive: true, force: true });
    }
  }
}
