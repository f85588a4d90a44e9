import { tokenTexts } from '../models/token-texts.js';
import { flowOrder, stagesWith } from '../pipelines/plan/plan.js';
import { errorFinder } from '../pipelines/running/first-error.js';
import { float32Array, int32Array } from '../records/arrays.js';
import type { Advantage, TeacherScore, Verdict } from '../records/records.js';
import { creditsOf, recordedTokenizer } from '../replay/sample.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { recordType, type TopicName } from '../topics/record-codec.js';
import { recordsOf } from '../topics/scan.js';

/** How often the lowest of a completion's values is at its first error. */
export interface Hits {
  /** Wrong completions. */
  readonly n: number;
  /** Mean share; of tokens that are equally low each counts as its share. */
  readonly rate: number;
}

/** Where a method sees the error of wrong completions, in the samples that a run trained on. */
export interface Blame {
  /** The token with the most negative credit. undefined where no credit is negative. */
  readonly credit?: Hits;
  /** The token that the teacher finds least likely relative to the student; undefined without a teacher. */
  readonly teacher?: Hits;
}

/** What a run's samples show besides its figures. */
export interface SampleFigures {
  readonly blame: Blame;
  /** Share of the prompts whose samples all have the same reward. */
  readonly uniformGroups: number;
  /** Mean number of times that a teacher scored a sample. */
  readonly teacherPasses: number;
}

/**
 * Reads a finished run's samples: where the blame is, how many groups are uniform, and what the teacher was asked.
 * @param folder the run's
 */
export async function sampleFigures(run: RunFolder, folder: string): Promise<SampleFigures> {
  const { log, plan } = run;
  const locate = await errorFinder(plan);
  const tokenizer = recordedTokenizer(run, folder);
  const errors = new Map<string, number>();
  const teacher = hitCounter();
  let [judged, passes] = [0, 0];
  const locateIn = (sample: Verdict | TeacherScore): number | null => {
    if (sample.verdict !== 'incorrect') return null;
    const error = naming(sample, () =>
      locate({ ...sample, texts: tokenTexts(tokenizer, int32Array(sample.completionTokens)) }),
    );
    if (error !== null) errors.set(idOf(sample), error);
    return error;
  };
  const lastTopic = (type: TopicName) =>
    flowOrder(plan)
      .map(({ output }) => output)
      .findLast((topic) => recordType(topic) === type);
  const scores = lastTopic('teacher-scores');
  if (scores === undefined) {
    for await (const verdict of recordsOf(log, 'verdicts', () => true, lastTopic('verdicts'))) {
      judged++;
      locateIn(verdict);
    }
  } else
    for await (const score of recordsOf(log, 'teacher-scores', () => true, scores)) {
      judged++;
      if (score.teacherVersion !== null) passes += score.contrastLogprobs ? 2 : 1;
      const error = locateIn(score);
      if (error === null || !score.teacherLogprobs) continue;
      const student = float32Array(score.samplingLogprobs);
      const evidence = float32Array(score.teacherLogprobs).map((logprob, t) => logprob - at(student, t));
      teacher.add(evidence, error);
    }
  const { credit, uniformGroups } = await creditFigures(run, errors);
  const found = teacher.hits();
  return {
    blame: { ...(credit && { credit }), ...(found && { teacher: found }) },
    uniformGroups,
    teacherPasses: judged === 0 ? 0 : passes / judged,
  };
}

async function creditFigures({ log, plan }: RunFolder, errors: ReadonlyMap<string, number>) {
  const counter = hitCounter();
  const rewards = new Map<string, Set<number>>();
  for await (const sample of recordsOf(log, 'advantages', () => true, stagesWith(plan, 'trainer')[0]?.input)) {
    rewards.set(sample.promptId, (rewards.get(sample.promptId) ?? new Set()).add(sample.reward));
    const error = errors.get(idOf(sample));
    if (error === undefined) continue;
    const credits = creditsOf(sample);
    if (credits.some((credit) => credit < 0)) counter.add(trainedOnly(credits, sample), error);
  }
  const uniform = [...rewards.values()].filter(({ size }) => size === 1).length;
  return { credit: counter.hits(), uniformGroups: uniform / Math.max(1, rewards.size) };
}

function naming<T>(sample: Verdict | TeacherScore, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof UserError ? new UserError(error.code, `sample ${idOf(sample)}: ${error.message}`) : error;
  }
}

const trainedOnly = (values: Float64Array, { mask }: Pick<Advantage, 'mask'>): Float64Array =>
  values.map((value, t) => (at(mask, t) === 1 ? value : Number.POSITIVE_INFINITY));

const idOf = ({ promptId, sampleIndex }: Pick<Verdict, 'promptId' | 'sampleIndex'>): string =>
  `${promptId}/${sampleIndex}`;

/** Counts how often the lowest value is at the error. */
export function hitCounter() {
  let [n, sum] = [0, 0];
  return {
    add(values: ArrayLike<number>, error: number): void {
      const lowest = Array.from(values).reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
      const tied = Array.from(values).filter((value) => value === lowest).length;
      n++;
      if (values[error] === lowest) sum += 1 / tied;
    },
    hits: (): Hits | undefined => (n === 0 ? undefined : { n, rate: sum / n }),
  };
}
