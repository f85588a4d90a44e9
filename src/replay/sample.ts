import { join } from 'node:path';
import { readConfig } from '../models/folder.js';
import { fileDigest } from '../models/safetensors.js';
import { tokenTexts } from '../models/token-texts.js';
import { readTokenizer, type Tokenizer } from '../models/tokenizer.js';
import { baseFolder } from '../pipelines/plan/model.js';
import { flowOrder, stagesWith } from '../pipelines/plan/plan.js';
import { errorFinder } from '../pipelines/running/first-error.js';
import { referenceTable } from '../pipelines/running/references.js';
import { privilegedTable } from '../privileged/documents/table.js';
import type { PrivilegedPiece } from '../privileged/store.js';
import { float32Array, int32Array } from '../records/arrays.js';
import type { Advantage, DocumentUse, Message, Rollout, TeacherScore, Verdict } from '../records/records.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { nearest, UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import type { TopicLog } from '../topics/log.js';
import { headerPlace, recordIn, recordType, type TopicName } from '../topics/record-codec.js';
import { scanInOrder } from '../topics/scan.js';
import { withBase } from './recorded.js';

/** One token of a completion. Log-probabilities are natural logarithms. */
export interface ShownToken {
  readonly index: number;
  readonly id: number;
  readonly text: string;
  /** Under the weights that sampled it. */
  readonly logprob: number;
  /** null where no teacher scored the sample. */
  readonly teacherLogprob: number | null;
  /** What it is trained with: its advantage times its weight. null before the sample is shaped. */
  readonly credit: number | null;
  /** `credit` divided by the completion's advantage; null where that is 0 or not known. */
  readonly weight: number | null;
  readonly trained: boolean;
}

/** What the teacher was shown, as recorded. */
export interface ShownContext {
  readonly answer: string | null;
  readonly documents: readonly Pick<PrivilegedPiece, 'id' | 'kind' | 'title' | 'content'>[];
}

export interface ShownSample {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly step: number;
  readonly policyVersion: number;
  readonly prompt: readonly Message[];
  readonly completion: string;
  readonly finishReason: string;
  /** null before it is judged. */
  readonly verdict: string | null;
  readonly reward: number | null;
  readonly reason: string | null;
  readonly evidence: Readonly<Record<string, string>>;
  readonly teacherVersion: number | null;
  readonly documents: readonly DocumentUse[];
  /** Of the whole completion; null before it is shaped. */
  readonly advantage: number | null;
  /** Of a wrong completion: the token in which its first error begins, where the source of the prompts can tell. */
  readonly firstError: number | null;
  readonly tokens: readonly ShownToken[];
  readonly privileged?: ShownContext;
}

/**
 * One sample with what became of it.
 * @param id `PROMPT/INDEX`
 * @param folder the run's, for its copy of the tokenizer
 * @throws {UserError} `unknown-sample` with the nearest; `model-changed` where the run's tokenizer is gone
 */
export async function showSample(
  run: RunFolder,
  folder: string,
  id: string,
  { showPrivileged = false } = {},
): Promise<ShownSample> {
  const { log, plan } = run;
  const index = /^(.*)\/(\d+)$/s.exec(id);
  if (!index) throw new UserError('bad-request', `--sample ${id}: expected PROMPT/INDEX, such as sum-7/3`);
  const outputs = flowOrder(plan).map(({ output }) => output);
  const last = (type: TopicName) => outputs.filter((topic) => recordType(topic) === type).at(-1);
  const names = new Set<string>();
  const find = async <K extends TopicName>(type: K, topic = last(type)) =>
    topic === undefined ? undefined : findRecord(log, type, topic, id, names);
  const [trainer] = stagesWith(plan, 'trainer');
  const score = await find('teacher-scores');
  const verdict = score ?? (await find('verdicts'));
  const rollout = verdict ?? (await find('rollouts'));
  if (!rollout) throw unknownSample(id, [...names]);
  const advantage = await find('advantages', trainer?.input);
  const texts = tokenTexts(recordedTokenizer(run, folder), int32Array(rollout.completionTokens));
  return {
    ...sampleFields(rollout, verdict, score, advantage),
    firstError: verdict?.verdict === 'incorrect' ? (await errorFinder(plan))({ ...rollout, texts }) : null,
    tokens: tokensOf(rollout, texts, score, advantage),
    ...(showPrivileged && { privileged: await contextOf(log, rollout.itemId, score?.documents ?? []) }),
  };
}

/** What the topics of samples have in common. */
type Sampled = Pick<
  Rollout & Verdict,
  | 'promptId'
  | 'sampleIndex'
  | 'step'
  | 'policyVersion'
  | 'messages'
  | 'completion'
  | 'finishReason'
  | 'completionTokens'
  | 'samplingLogprobs'
>;

async function findRecord<K extends TopicName>(log: TopicLog, type: K, topic: string, id: string, names: Set<string>) {
  const [, promptId] = /^(.*)\/\d+$/s.exec(id) ?? [];
  for await (const record of scanInOrder(log, topic)) {
    if (record.value === null) continue;
    if (record.key !== promptId) {
      names.add(`${record.key}/${record.headers.sample ?? 0}`);
      continue;
    }
    const name = `${promptId}/${headerPlace(record)?.sampleIndex}`;
    const found = name === id ? recordIn(type, record) : undefined;
    if (found) return found;
    names.add(name);
  }
  return undefined;
}

function unknownSample(id: string, known: readonly string[]): UserError {
  const near = nearest(id, known);
  const hint =
    known.length === 0
      ? 'it has none yet'
      : near
        ? `did you mean ${near}?`
        : `expected one such as ${known.slice(0, 3).join(', ')}`;
  return new UserError('unknown-sample', `--sample ${id}: the run has no such sample; ${hint}`);
}

function sampleFields(
  rollout: Sampled,
  verdict: Verdict | undefined,
  score: TeacherScore | undefined,
  advantage: Advantage | undefined,
) {
  const { promptId, sampleIndex, step, policyVersion, messages, completion, finishReason } = rollout;
  return {
    ...{ promptId, sampleIndex, step, policyVersion, prompt: messages, completion, finishReason },
    verdict: verdict?.verdict ?? null,
    // A transform may have changed what the sample is trained with.
    reward: advantage?.reward ?? verdict?.reward ?? null,
    reason: verdict?.reason ?? null,
    evidence: verdict?.evidence ?? {},
    teacherVersion: score?.teacherVersion ?? null,
    documents: score?.documents ?? [],
    advantage: advantage?.advantage ?? null,
  };
}

function tokensOf(
  { completionTokens, samplingLogprobs }: Sampled,
  texts: readonly string[],
  score: TeacherScore | undefined,
  advantage: Advantage | undefined,
): ShownToken[] {
  const logprobs = float32Array(samplingLogprobs);
  const teacher = score?.teacherLogprobs ? float32Array(score.teacherLogprobs) : undefined;
  const credits = advantage && creditsOf(advantage);
  return [...int32Array(completionTokens)].map((id, index) => {
    const credit = credits ? at(credits, index) : null;
    return {
      index,
      id,
      text: at(texts, index),
      logprob: at(logprobs, index),
      teacherLogprob: teacher ? at(teacher, index) : null,
      credit,
      weight: credit === null || !advantage?.advantage ? null : credit / advantage.advantage,
      trained: advantage ? at(advantage.mask, index) === 1 : false,
    };
  });
}

/** What each token is trained with: its advantage times its weight. */
export function creditsOf({ tokenAdvantages, tokenWeights }: Advantage): Float64Array {
  const weights = tokenWeights && float32Array(tokenWeights);
  return Float64Array.from(float32Array(tokenAdvantages), (credit, t) => credit * (weights ? at(weights, t) : 1));
}

/** The run's own copy of the tokenizer. @throws {UserError} `model-changed` */
export function recordedTokenizer({ manifest }: RunFolder, folder: string): Tokenizer {
  const base = baseFolder(withBase(manifest, folder), manifest.folder);
  const found = fileDigest(join(base, 'tokenizer.json'));
  if (found !== manifest.model.tokenizer)
    throw new UserError(
      'model-changed',
      `${join(base, 'tokenizer.json')}: has SHA-256 ${found}; expected ${manifest.model.tokenizer}, with which ` +
        'the run was sampled',
    );
  return readTokenizer(base, readConfig(base).vocabSize);
}

async function contextOf(log: TopicLog, itemId: string, uses: readonly DocumentUse[]): Promise<ShownContext> {
  const table = await privilegedTable(log);
  const pieces = await Promise.all(uses.map((use) => table.pieceAsOf(use, () => {})));
  const reference = await referenceTable(log)(itemId).catch((error) => {
    if (error instanceof UserError) return null;
    throw error;
  });
  return {
    answer: reference?.answer ?? null,
    documents: pieces.map(({ id, kind, title, content }) => ({ id, kind, title, content })),
  };
}
