import type { Learner } from '../../learner/learner.js';
import type { RunTrainer } from '../../pipelines/stages/resources.js';
import { lastWeights, publishBase, type RunFiles, runPublisher, sweep, withCheckpoint } from './publisher.js';

/**
 * The learner of a run: opened when this process becomes the one that trains, at the weights that were committed last.
 * @param openLearner a learner at the base model's weights
 */
export function openTrainer(
  files: RunFiles,
  openLearner: () => Promise<Learner>,
): RunTrainer & { close(): Promise<void> } {
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
      const fresh = await openLearner();
      learner = fresh;
      if (last.version > 0) await withCheckpoint(files, last, (folder) => fresh.loadCheckpoint(folder));
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
