import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkCheckpoint } from '../learner/checkpoint.js';
import { modelDigest } from '../models/folder.js';
import { logFolder } from '../pipelines/topic-log.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { manifestDifferences, topicManifest } from '../runs/manifest/manifest.js';
import { checkpointOf } from '../runs/weights/publisher.js';
import { UserError } from '../support/errors.js';
import { checkEmbedded } from '../topics/embedded/check.js';
import type { TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import type { Difference } from './compare.js';
import { isSpread } from './recorded.js';

/**
 * The first place where a run's topics or files are not what was written, found without executing anything: a record whose checksum
 * is another one, a record that is missing, a manifest that is not that of the topic, or weights and checkpoints of another digest.
 * On Kafka the broker keeps the checksums of the records.
 */
export async function damageOf(run: RunFolder, folder: string): Promise<Difference | null> {
  // A bundle keeps the offsets of what it brings, and the ends of Kafka's transactions take some, too.
  const damage =
    run.manifest.spec.topics === 'embedded' ? await checkEmbedded(logFolder(folder), !isSpread(run)) : undefined;
  if (damage) return { ...damage, key: '' };
  return (await otherManifest(run)) ?? (await damagedFile(run.log, folder));
}

async function otherManifest({ log, manifest }: RunFolder): Promise<Difference | null> {
  const written = await topicManifest(log);
  if (!written) return null;
  const [first] = manifestDifferences(written, {
    ...manifest,
    spec: { ...manifest.spec, topics: written.spec.topics },
  });
  if (!first) return null;
  const { field, found: expected, expected: found } = first;
  return { topic: 'manifest', partition: 0, offset: 0n, key: 'run', field, expected, found };
}

/** Weights that are still there, and the checkpoints. */
async function damagedFile(log: TopicLog, folder: string): Promise<Difference | null> {
  for await (const record of scan(log, 'weights', 0)) {
    if (record.value === null) continue;
    const { version, digest, location, chunk } = fromRecord('weights', { ...record, value: record.value });
    const at = { topic: 'weights', partition: 0, offset: record.offset, key: record.key };
    if (chunk) {
      const found = createHash('sha256').update(chunk.bytes).digest('hex');
      if (found !== digest) return { ...at, field: 'chunk.bytes', expected: digest, found };
    }
    if (location !== null && existsSync(join(folder, location))) {
      const found = modelDigest(join(folder, location));
      if (found !== digest) return { ...at, field: `${location}/model.safetensors`, expected: digest, found };
    }
    const checkpoint = checkpointOf(folder, version);
    if (!existsSync(checkpoint)) continue;
    try {
      checkCheckpoint(checkpoint);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return {
        ...at,
        field: relative(folder, checkpoint),
        expected: 'the checkpoint as written',
        found: error.message,
      };
    }
  }
  return null;
}
