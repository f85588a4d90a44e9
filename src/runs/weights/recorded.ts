import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { MANIFEST } from '../../pipelines/feeds/recorded-spec.js';
import { MAIN_LEARNER, ofLearner } from '../../pipelines/spec/learners.js';
import type { Weights } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { recordsOf } from '../../topics/scan.js';
import { openRunFolder } from '../inspect/run-folder.js';

/** A version as its record names it, without tensors that travel in the record. */
export type RecordedWeights = Omit<Weights, 'chunk'>;

/** Every version that a learner has published, by number. */
export async function recordedWeights(log: TopicLog, learner = MAIN_LEARNER): Promise<Map<number, RecordedWeights>> {
  const versions = new Map<number, RecordedWeights>();
  const topic = ofLearner('weights', learner);
  for await (const { chunk: _, ...weights } of recordsOf(log, 'weights', () => true, topic))
    if (!versions.has(weights.version)) versions.set(weights.version, weights);
  return versions;
}

/**
 * The digest with which a run published the weights in a model folder; undefined where the folder is no run's.
 * @throws {UserError} `not-published` for a folder among a run's weights of which the run has no record
 */
export async function recordedDigestOf(folder: string): Promise<string | undefined> {
  const path = resolve(folder);
  const place = /^weights(?:\.(.+))?\/v(\d+)$/.exec(`${basename(dirname(path))}/${basename(path)}`);
  if (!place) return undefined;
  const [, learner = MAIN_LEARNER, version] = place;
  const run = dirname(dirname(path));
  if (!existsSync(resolve(run, MANIFEST))) return undefined;
  const { log } = await openRunFolder(run);
  try {
    const digest = (await recordedWeights(log, learner)).get(Number(version))?.digest;
    if (digest === undefined)
      throw new UserError(
        'not-published',
        `${folder}: the run in ${run} has no record of these weights; they were written and never committed`,
      );
    return digest;
  } finally {
    await log.close();
  }
}
