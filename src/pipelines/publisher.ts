import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LearnStep } from '../operators/learn.js';
import type { Publisher } from '../operators/publish-weights.js';
import { modelDigest } from '../policy/folder.js';
import type { Position, TopicLog } from '../topics/log.js';
import type { Weights } from '../topics/records.js';
import { scan } from '../topics/scan.js';
import type { PipelineSpec } from './spec.js';
import { fromRecord, toAppend } from './wire.js';

export const weightsFolder = (version: number): string => `weights/v${String(version).padStart(6, '0')}`;
const checkpointFolder = (version: number): string => `checkpoints/v${String(version).padStart(6, '0')}`;

/** What the publisher needs of a learner. */
export interface PublishedLearner {
  /** Writes the weights as a Hugging Face folder; resolves to the SHA-256 of the model file. */
  writeModel(folder: string): Promise<string>;
  /** Writes weights, moments, schedule and the offsets that go with them, durably and at once. */
  saveCheckpoint(folder: string, offsets: readonly Position[]): Promise<void>;
}

/** The last record of the `weights` topic, if any. */
export async function lastWeights(log: TopicLog): Promise<Weights | undefined> {
  let last: Weights | undefined;
  for await (const record of scan(log, 'weights', 0))
    if (record.value !== null) last = fromRecord('weights', { ...record, value: record.value });
  return last;
}

/** Publishes the base model as version 0 of a run that has published nothing yet. */
export async function publishBase(log: TopicLog, run: string, folder: string, base: string): Promise<Weights> {
  const location = weightsFolder(0);
  rmSync(join(folder, location), { recursive: true, force: true });
  cpSync(base, join(folder, location), { recursive: true });
  const weights: Weights = {
    run,
    version: 0,
    parent: null,
    step: 0,
    digest: modelDigest(join(folder, location)),
    offsets: [],
    location,
    chunk: null,
  };
  await log.append([toAppend('weights', weights)]);
  return weights;
}

/** The checkpoint that goes with a published version. */
export const checkpointOf = (folder: string, version: number): string => join(folder, checkpointFolder(version));

/**
 * Writes a version's weights and checkpoint under the run's folder. They are on disk before the record that names them is committed, and
 * the checkpoint before the last stays until then, so that a crash at any moment finds the one that belongs to the committed offsets.
 */
export function folderPublisher<Stats>(
  learner: PublishedLearner,
  {
    run,
    folder,
    spec,
    offsets,
  }: { run: string; folder: string; spec: PipelineSpec; offsets: () => readonly Position[] },
): Publisher<Stats> {
  const { every, keep } = spec.publish;
  return {
    due: ({ step }) => (step + 1) % every === 0,
    async publish({ step }: LearnStep<Stats>) {
      const version = step + 1;
      const location = weightsFolder(version);
      mkdirSync(join(folder, location), { recursive: true });
      const consumed = offsets();
      const digest = await learner.writeModel(join(folder, location));
      await learner.saveCheckpoint(checkpointOf(folder, version), consumed);
      prune(folder, 'checkpoints', (old) => old < version - every);
      prune(folder, 'weights', (old) => old < version - keep * every && !lasting(old, version, spec));
      return [{ run, version, parent: version - every, step, digest, offsets: consumed, location, chunk: null }];
    },
  };
}

/** Versions that stay: the base, those that are measured, and what the teacher of a sample in flight may be. */
function lasting(old: number, version: number, { teach, evaluate, flow }: PipelineSpec): boolean {
  const oldestInFlight = Math.max(0, version - flow.maxLag - 1);
  return old === 0 || old % evaluate.every === 0 || old >= oldestInFlight - (oldestInFlight % teach.every);
}

function prune(folder: string, kind: 'weights' | 'checkpoints', goes: (version: number) => boolean): void {
  const root = join(folder, kind);
  if (!existsSync(root)) return;
  for (const name of readdirSync(root)) {
    const version = /^v(\d+)$/.exec(name)?.[1];
    if (version !== undefined && goes(Number(version))) rmSync(join(root, name), { recursive: true, force: true });
  }
}
