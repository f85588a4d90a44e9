import { concatMap, pipe } from 'rxjs';
import { checkDevice } from '../../engines/onnx/policy.js';
import { readChatTemplate } from '../../models/chat-template.js';
import { readConfig, readParameters } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import { rollout } from '../../operators/rollout.js';
import type { Prompt, Rollout } from '../../records/records.js';
import { promptCredit } from '../credit.js';
import { baseFolder } from '../model.js';
import type { RecordedInputs, Resources } from '../resources.js';
import type { PipelineSpec } from '../spec.js';
import { defineRecordStage } from './definition.js';

export const rolloutStage = defineRecordStage<'prompts', 'rollouts', 'policy' | 'versions'>({
  name: 'rollout',
  summary: 'Samples completions of each prompt from the newest weights.',
  isPartOf: () => true,
  output: 'rollouts',
  spreads: true,
  tables: ['weights'],
  decidedBy: ['rollout'],
  needs: ['policy', 'versions'],
  async check({ plan: { spec, folder }, attempt }) {
    await attempt(() => checkDevice(spec.model.device));
    await attempt(() => {
      const base = baseFolder(spec, folder);
      const config = readConfig(base);
      readChatTemplate(base, readTokenizer(base, config.vocabSize).specials);
      readParameters(base, config);
    });
  },
  build: ({ plan: { spec }, resources, recorded }) => ({
    input: 'prompts',
    output: 'rollouts',
    unit: 'record',
    operator: () => rolloutOperator(spec, resources, recorded),
    credit: promptCredit(spec),
    concurrency: promptCredit(spec),
    waiting: resources.versions.waiting,
  }),
});

/** The student's side: nothing that contains privileged context comes in here. */
export function rolloutOperator(
  { rollout: settings, flow }: Pick<PipelineSpec, 'rollout' | 'flow'>,
  { policy, versions }: Pick<Resources, 'policy' | 'versions'>,
  { sampledBy }: Pick<RecordedInputs, 'sampledBy'> = {},
) {
  const { group, temperature, topK, topP, minP, maxTokens, stop } = settings;
  const sampling = {
    temperature,
    maxTokens,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(stop && { stop }),
  };
  const version = (prompt: Prompt) => {
    const before = sampledBy?.(prompt.promptId);
    return before === undefined ? versions.atLeast(prompt.step - flow.maxLag) : versions.at(before);
  };
  const published = async (sampled: Rollout) => {
    await versions.published(sampled.policyVersion);
    return sampled;
  };
  return pipe(rollout(policy, { group, sampling, version }), concatMap(published));
}
