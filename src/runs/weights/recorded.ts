import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { MANIFEST } from '../../pipelines/feeds/recorded-spec.js';
import { MAIN_LEARNER, ofLearner } from '../../pipelines/spec/learners.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { fromRecord } from '../../topics/record-codec.js';
import { scan } from '../../topics/scan.js';
import { openRunFolder } from '../inspect/run-folder.js';

/** The digest of each version that a learner has published. */
export async function recordedDigests(log: TopicLog, learner = MAIN_LEARNER): Promise<Map<number, string>> {
  const digests = new Map<number, string>();
  for await (const record of scan(log, ofLearner('weights', learner), 0)) {
    if (record.value === null) continue;
    const { version, digest } = fromRecord('weights', { ...record, value: record.value });
    digests.set(version, digest);
  }
  return digests;
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
    const digest = (await recordedDigests(log, learner)).get(Number(version));
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
