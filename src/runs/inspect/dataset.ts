import { type Plan, stagesWith } from '../../pipelines/plan/plan.js';
import { referenceTable } from '../../pipelines/running/references.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import { float32Array, int32Array } from '../../records/arrays.js';
import type { Advantage, DocumentUse, Message, TeacherScore, Verdict } from '../../records/records.js';
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

/** A row with what a learner trains on. Floats are those of the records, exactly. */
export interface TokenRow extends DatasetRow, Pick<Advantage, 'step' | 'temperature' | 'advantage'> {
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
  /** 1: the token is trained. */
  readonly mask: readonly number[];
  readonly samplingLogprobs: readonly number[];
  /** null where no teacher scored the sample. */
  readonly teacherLogprobs: readonly number[] | null;
  readonly tokenAdvantages: readonly number[];
}

/** What the teacher was shown. */
export interface PrivilegedColumns {
  readonly answer: string | null;
  readonly privileged: readonly { readonly id: string; readonly kind: string; readonly content: string }[];
}

/**
 * The topic of judged samples that a data set is made of.
 * @param wanted default: the last one of the plan, behind its transforms
 * @throws {UserError} `no-samples` where the plan judges nothing, or the topic has other records
 */
export function datasetTopic({ stages }: Pick<Plan, 'stages'>, wanted?: string): string {
  const judged = topicsOf(stages, 'verdicts');
  const topic = wanted ?? judged.at(-1);
  if (topic === undefined)
    throw new UserError('no-samples', 'the pipeline judges no samples; expected rollout and verify');
  if (recordType(topic) === 'verdicts' && judged.includes(topic)) return topic;
  throw new UserError('no-samples', `topic ${topic}: has no judged samples; expected ${judged.join(', ')}`);
}

const topicsOf = (stages: Plan['stages'], type: 'verdicts' | 'teacher-scores'): string[] =>
  stages.filter(({ outputType }) => outputType === type).map(({ output }) => output);

/** The rows of a topic of verdicts, in the order of the steps; dropped samples leave none. */
export async function* datasetRows(log: TopicLog, topic: string): AsyncGenerator<DatasetRow> {
  for await (const sample of recordsOf(log, 'verdicts', undefined, topic)) yield rowOf(sample);
}

function rowOf(sample: Verdict | TeacherScore): DatasetRow {
  const { completion, reward, verdict, finishReason, policyVersion } = sample;
  return {
    id: idOf(sample),
    messages: [...sample.messages, { role: 'assistant', content: completion }],
    ...{ completion, reward, verdict, finishReason, policyVersion },
  };
}

const idOf = ({ promptId, sampleIndex }: Pick<Verdict, 'promptId' | 'sampleIndex'>): string =>
  `${promptId}/${sampleIndex}`;

/**
 * The samples that were trained on, or would be, each with its tokens, in the order of the steps.
 * @param showPrivileged adds what the teacher was shown
 * @throws {UserError} `no-samples` where the plan shapes nothing
 */
export async function* tokenRows(
  { log, plan }: { readonly log: TopicLog; readonly plan: Plan },
  { showPrivileged = false } = {},
): AsyncGenerator<TokenRow & Partial<PrivilegedColumns>> {
  const shaped = stagesWith(plan, 'trainer')[0]?.input ?? plan.stages.findLast(isShaped)?.output;
  if (shaped === undefined) throw new UserError('no-samples', 'the pipeline shapes no samples; expected shape');
  const scored = topicsOf(plan.stages, 'teacher-scores').at(-1);
  const judged =
    scored === undefined
      ? recordsOf(log, 'verdicts', undefined, datasetTopic(plan))
      : recordsOf(log, 'teacher-scores', undefined, scored);
  const find = finder(judged);
  const privileged = showPrivileged ? await privilegedColumns(log) : undefined;
  for await (const advantage of recordsOf(log, 'advantages', undefined, shaped)) {
    const sample = await find(idOf(advantage));
    if (!sample) continue;
    const row = { ...rowOf(sample), ...tokensOf(sample, advantage) };
    yield privileged ? { ...row, ...(await privileged(sample)) } : row;
  }
}

const isShaped = ({ outputType }: Plan['stages'][number]): boolean => outputType === 'advantages';

/** Finds the samples of a stream in roughly its order; what is passed over waits until it is asked for. */
function finder(samples: AsyncGenerator<Verdict | TeacherScore>) {
  const waiting = new Map<string, Verdict | TeacherScore>();
  return async (id: string) => {
    while (!waiting.has(id)) {
      const { value, done } = await samples.next();
      if (done) return undefined;
      waiting.set(idOf(value), value);
    }
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  };
}

function tokensOf(sample: Verdict | TeacherScore, advantage: Advantage): Omit<TokenRow, keyof DatasetRow> {
  const { step, temperature, promptTokens, completionTokens, mask, samplingLogprobs, tokenAdvantages } = advantage;
  const teacher = 'teacherLogprobs' in sample ? sample.teacherLogprobs : null;
  return {
    ...{ step, temperature, advantage: advantage.advantage },
    promptTokens: [...int32Array(promptTokens)],
    completionTokens: [...int32Array(completionTokens)],
    mask: [...mask],
    samplingLogprobs: [...float32Array(samplingLogprobs)],
    teacherLogprobs: teacher ? [...float32Array(teacher)] : null,
    tokenAdvantages: [...float32Array(tokenAdvantages)],
  };
}

async function privilegedColumns(log: TopicLog) {
  const table = await privilegedTable(log);
  const references = referenceTable(log);
  return async (sample: Verdict | TeacherScore): Promise<PrivilegedColumns> => {
    const uses: readonly DocumentUse[] = 'documents' in sample ? sample.documents : [];
    const pieces = await Promise.all(uses.map((use) => table.pieceAsOf(use, () => {})));
    const reference = await references(sample.itemId).catch((error) => {
      if (error instanceof UserError) return undefined;
      throw error;
    });
    return {
      answer: reference?.answer ?? null,
      privileged: pieces.map(({ id, kind, content }) => ({ id, kind, content })),
    };
  };
}
