import { mkdirSync, rmSync } from 'node:fs';
import type { Learner } from '../../learner/learner.js';
import type { RunTrainer } from '../../pipelines/stages/resources.js';
import type { Weights } from '../../records/records.js';
import { lastWeights, publishBase, runPublisher, sweep, unfinished } from './publisher.js';
import { learnerAt, type WeightsSource } from './restore.js';

/** The learner of a run: opened when this process becomes the one that trains, at the weights committed last. */
export function openTrainer(source: WeightsSource): RunTrainer & { close(): Promise<void> } {
  const { files, openLearner } = source;
  const { log, learner: name } = files;
  let learner: Learner | undefined;
  let next = 0;
  const open = (): Learner => {
    if (!learner) throw new Error('the learner does not own its topic');
    return learner;
  };
  const published = {
    saveModel: (to: string) => open().saveModel(to),
    saveCheckpoint: (to: string, offsets: readonly { readonly offset: bigint }[]) =>
      open().saveCheckpoint(
        to,
        offsets.map((position) => ({ ...position, offset: String(position.offset) })),
      ),
  };
  return {
    async takeOver() {
      sweep(files);
      const last = (await lastWeights(log, name)) ?? (await publishBase(files));
      // Steps that were made and not committed are in no checkpoint, and another learner may have made them since.
      await learner?.close();
      learner = undefined;
      learner = last.version > 0 ? await resumed(source, last) : await openLearner();
      next = last.version;
    },
    learner: {
      async step(samples) {
        const stats = await open().step(samples);
        next++;
        return { ...stats };
      },
    },
    nextStep: () => next,
    publisher: (offsets, announce) => runPublisher(published, files, offsets, announce),
    close: async () => learner?.close(),
  };
}

async function resumed(source: WeightsSource, last: Weights): Promise<Learner> {
  const scratch = unfinished(source.files, 'checkpoints', last.version);
  mkdirSync(scratch, { recursive: true });
  try {
    return (await learnerAt(source, last, scratch)).learner;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
