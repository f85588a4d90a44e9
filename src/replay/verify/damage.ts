import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkCheckpoint } from '../../learner/checkpoint.js';
import { modelDigest } from '../../models/folder.js';
import { learnersOf, ofLearner } from '../../pipelines/spec/learners.js';
import { placeOf } from '../../pipelines/topic-log.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { manifestDifferences } from '../../runs/manifest/manifest.js';
import { readTopicManifest } from '../../runs/manifest/topic.js';
import { checkpointOf } from '../../runs/weights/publisher.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { recordIn } from '../../topics/record-codec.js';
import { scan } from '../../topics/scan.js';
import { isSpread } from '../recorded.js';
import type { Difference } from './compare-records.js';

/**
 * Finds damage in a run's topics and files without repeating anything: a record with a wrong checksum, a missing
 * record, a manifest that differs from its topic, or weights and checkpoints with a wrong digest. On Kafka, the broker
 * checks records.
 * @returns the first damage; null where there is none
 */
export async function damageOf(run: RunFolder, folder: string): Promise<Difference | null> {
  // Records from Kafka keep their offsets, and the markers of its transactions leave gaps between them.
  const damage = await run.plan.store.findDamage(placeOf(folder), !isSpread(run));
  if (damage) return { ...damage, key: '' };
  const changed = await changedManifest(run);
  if (changed) return changed;
  for (const learner of learnersOf(run.plan.spec)) {
    const damaged = await damagedFile(run.log, folder, learner);
    if (damaged) return damaged;
  }
  return null;
}

async function changedManifest({ log, manifest }: RunFolder): Promise<Difference | null> {
  const inTopic = await readTopicManifest(log);
  if (!inTopic) return null;
  const written = { ...inTopic.manifest, folder: manifest.folder };
  const [first] = manifestDifferences(written, {
    ...manifest,
    spec: { ...manifest.spec, topics: written.spec.topics },
  });
  if (!first) return null;
  const { field, found: expected, expected: found } = first;
  return { topic: 'manifest', partition: 0, offset: inTopic.offset, key: 'run', field, expected, found };
}

/** Checks a learner's checkpoints, and its weights that are still on disk. */
async function damagedFile(log: TopicLog, folder: string, learner: string): Promise<Difference | null> {
  const topic = ofLearner('weights', learner);
  for await (const record of scan(log, topic, 0)) {
    const weights = recordIn('weights', record);
    if (!weights) continue;
    const { version, digest, location, chunk } = weights;
    const place = { topic, partition: 0, offset: record.offset, key: record.key };
    if (chunk) {
      const found = createHash('sha256').update(chunk.bytes).digest('hex');
      if (found !== digest) return { ...place, field: 'chunk.bytes', expected: digest, found };
    }
    if (location !== null && existsSync(join(folder, location))) {
      const found = modelDigest(join(folder, location));
      if (found !== digest) return { ...place, field: `${location}/model.safetensors`, expected: digest, found };
    }
    const checkpoint = checkpointOf(folder, version, learner);
    if (!existsSync(checkpoint)) continue;
    try {
      checkCheckpoint(checkpoint);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return {
        ...place,
        field: relative(folder, checkpoint),
        expected: 'the checkpoint as written',
        found: error.message,
      };
    }
  }
  return null;
}
