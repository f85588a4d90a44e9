import type { Plan } from '../../pipelines/plan/plan.js';
import type { Message, Verdict } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { recordType } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';

/** A judged completion as a row of a data set: a chat that ends with the completion, and what was found of it. */
export interface DatasetRow extends Pick<Verdict, 'completion' | 'reward' | 'verdict' | 'finishReason'> {
  /** `PROMPT/INDEX`, unique in the run. */
  readonly id: string;
  readonly messages: readonly Message[];
  readonly policyVersion: number;
}

/**
 * The topic of judged samples that a data set is made of.
 * @param wanted default: the last one of the plan, behind its transforms
 * @throws {UserError} `no-samples` where the plan judges nothing, or the topic has other records
 */
export function datasetTopic({ stages }: Pick<Plan, 'stages'>, wanted?: string): string {
  const judged = stages.filter(({ outputType }) => outputType === 'verdicts').map(({ output }) => output);
  const topic = wanted ?? judged.at(-1);
  if (topic === undefined)
    throw new UserError('no-samples', 'the pipeline judges no samples; expected rollout and verify');
  if (recordType(topic) === 'verdicts' && judged.includes(topic)) return topic;
  throw new UserError('no-samples', `topic ${topic}: has no judged samples; expected ${judged.join(', ')}`);
}

/** The rows of a topic of verdicts, in the order of the steps; dropped samples leave none. */
export async function* datasetRows(log: TopicLog, topic: string): AsyncGenerator<DatasetRow> {
  for await (const sample of recordsOf(log, 'verdicts', undefined, topic)) {
    const { promptId, sampleIndex, completion, reward, verdict, finishReason, policyVersion } = sample;
    yield {
      id: `${promptId}/${sampleIndex}`,
      messages: [...sample.messages, { role: 'assistant', content: completion }],
      ...{ completion, reward, verdict, finishReason, policyVersion },
    };
  }
}
