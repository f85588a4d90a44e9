import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelDigest } from '../../models/folder.js';
import { MAIN_LEARNER } from '../../pipelines/spec/learners.js';
import { UserError } from '../../support/errors.js';
import type { LogRecord } from '../../topics/log.js';
import { recordIn } from '../../topics/record-codec.js';
import { weightsFolder } from '../weights/publisher.js';
import { damaged } from './format.js';

/** Compares the weights in a bundle with the records that published them. */
export interface PublishedWeights {
  take(records: readonly LogRecord[]): void;
  /**
   * @param hashes SHA-256 of each `files/…/model.safetensors`
   * @param to folder that the bundle is unpacked in
   */
  compare(hashes: ReadonlyMap<string, string>, to: string): void;
}

/** @throws {UserError} `bundle-damaged`, naming the version */
export function publishedWeights(file: string): PublishedWeights {
  const digests = new Map<string, string>();
  return {
    take(records) {
      for (const record of records) {
        const learner = /^weights(?:\.(.+))?$/.exec(record.topic);
        const weights = learner ? recordIn('weights', record) : undefined;
        if (weights) digests.set(weightsFolder(weights.version, learner?.[1] ?? MAIN_LEARNER), weights.digest);
      }
    },
    compare(hashes, to) {
      for (const [folder, digest] of digests) {
        if (!existsSync(join(to, folder))) continue;
        const found = hashes.get(`files/${folder}/model.safetensors`) ?? digestOf(file, to, folder);
        if (found !== digest) damaged(file, `files/${folder}: found weights with SHA-256 ${found}, expected ${digest}`);
      }
    },
  };
}

function digestOf(file: string, to: string, folder: string): string {
  try {
    return modelDigest(join(to, folder));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return damaged(file, error.message.replaceAll(`${to}/`, 'files/'));
  }
}
