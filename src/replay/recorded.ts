import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelDigest } from '../models/folder.js';
import { openSources, type Sources } from '../pipelines/feeds/sources.js';
import { givenAdapterDigest } from '../pipelines/plan/adapter.js';
import { baseFolder } from '../pipelines/plan/model.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { differenceLine, type Manifest, manifestDifferences } from '../runs/manifest/manifest.js';
import { baseCopy, weightsFolder } from '../runs/weights/publisher.js';
import { UserError } from '../support/errors.js';
import { localStore } from '../topics/registry.js';

/** Topics that every replay copies, whatever it starts from. */
export const tables: readonly string[] = ['references', 'privileged'];

/** Whether the run's records are spread over the partitions of a cluster, or were before an export. */
export const isSpread = ({ manifest: { bundle }, plan }: Pick<RunFolder, 'manifest' | 'plan'>): boolean =>
  plan.store.traits.multiProcess || (bundle !== undefined && bundle.from !== localStore);

/**
 * The recorded spec, with the run's own copies of the base model and of the adapter to begin with where the originals
 * are missing or have changed.
 */
export function withBase({ spec, folder, model }: Manifest, run: string): PipelineSpec {
  const original = baseFolder(spec, folder);
  const copy = join(run, baseCopy(spec));
  const isGone = existsSync(copy) && !(existsSync(original) && modelDigest(original) === model.weights);
  const based = isGone ? { ...spec, model: { ...spec.model, base: copy } } : spec;
  const { lora } = based.model;
  const first = join(run, weightsFolder(0));
  if (lora?.adapter === undefined || !existsSync(first)) return based;
  try {
    if (givenAdapterDigest(based, folder) === model.adapter) return based;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return { ...based, model: { ...based.model, lora: { ...lora, adapter: first } } };
}

/**
 * Compares the manifest of a run with that of its replay. Another build of this program is only a note, since it may
 * still compute the same.
 * @param changed fields that may differ
 * @returns notes for the user
 * @throws {UserError} `other-manifest` for any other difference
 */
export function checkInputs(recorded: Manifest, now: Manifest, changed: readonly (keyof Manifest)[] = []): string[] {
  const free: readonly string[] = ['spec', 'parent', 'code', 'versions', ...changed];
  const isFree = (field: string) => free.some((name) => field === name || field.startsWith(`${name}.`));
  // Recorded search results are reused, so a replay does not need the embedding model that found them.
  const isUnused = (field: string) => now.embeddings === undefined && field.startsWith('embeddings');
  const differences = manifestDifferences(recorded, now).filter(({ field }) => !isFree(field) && !isUnused(field));
  if (differences.length > 0)
    throw new UserError(
      'other-manifest',
      `the run's inputs have changed since:\n${differences.map(differenceLine).join('\n')}`,
    );
  return recorded.code === now.code ? [] : ['the run was made by another build of this program'];
}

/** The run's source of prompts; an empty one with `unchanged: false` where it is missing or has changed. */
export async function sourceOf({ manifest, plan }: RunFolder): Promise<{ source: Sources; unchanged: boolean }> {
  try {
    const source = await openSources(plan.spec, plan.folder);
    if (source.hash === manifest.prompts) return { source, unchanged: true };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return { source: recordedSource({ manifest }), unchanged: false };
}

/** A source without prompts, for a replay whose prompts are recorded. */
export const recordedSource = ({ manifest }: Pick<RunFolder, 'manifest'>): Sources => ({
  hash: manifest.prompts,
  heldOut: [],
  heldOutShares: manifest.heldOutShares ?? {},
  tasks: [],
});
