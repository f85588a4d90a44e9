import { resolve } from 'node:path';
import { fileDigest } from '../../models/safetensors.js';
import { openRecorded, recordedFeed, requireTopic } from '../feeds/recorded.js';
import { recordedSpec } from '../feeds/recorded-spec.js';
import { startFeed } from '../feeds/start-feed.js';
import { baseFolder } from '../plan/model.js';
import type { FromSpec } from '../spec/spec.js';
import { type CheckContext, defineStage, type StageDefinition } from './definition.js';

/** The stage that a pipeline begins with in place of sampling. */
export const copyStage = (from: FromSpec): StageDefinition =>
  defineStage<'versions'>({
    name: 'copy',
    summary: `Copies the ${from.topic} of a recorded run, a few steps ahead of training.`,
    isPartOf: ({ spec }) => spec.from !== undefined,
    output: from.topic,
    spreads: from.topic !== 'advantages',
    otherTopics: () => [
      { name: 'source' },
      { name: 'references', compact: true },
      { name: 'privileged', compact: true },
    ],
    portable: true,
    decidedBy: ['pipeline', 'from', 'steps', 'learn.prompts'],
    needs: ['versions'],
    check: (context) => checkRecorded(from, context),
    async start(context) {
      const { plan, stage, environment } = context;
      const { name } = stage;
      const recorded = await openRecorded(from, plan.folder);
      const endless = plan.spec.learn !== undefined;
      const running = await startFeed(
        context,
        recordedFeed({ ...environment, name, recorded, topic: from.topic, endless }),
      );
      return {
        ...running,
        async stop() {
          await running.stop();
          await recorded.close();
        },
      };
    },
  });

async function checkRecorded(from: FromSpec, { plan, demand, attempt }: CheckContext): Promise<void> {
  const { spec, folder } = plan;
  await attempt(async () => {
    const { tokenizer } = recordedSpec(resolve(folder, from.run));
    const found = fileDigest(resolve(baseFolder(spec, folder), 'tokenizer.json'));
    demand(
      found === tokenizer,
      `model.base: its tokenizer.json has SHA-256 ${found}, expected ${tokenizer}, that of the recorded run ` +
        `${from.run}: its samples are token ids`,
    );
    const log = await openRecorded(from, folder);
    try {
      await requireTopic(log, from);
    } finally {
      await log.close();
    }
  });
}
