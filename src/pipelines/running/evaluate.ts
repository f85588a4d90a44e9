import type { Completion, Policy } from '../../engines/policy.js';
import type { Message } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import type { Judgement, Verifier } from '../../verifiers/verifier.js';

/** A question with its answer that was never trained on. */
export interface EvaluationItem {
  readonly itemId: string;
  readonly question: string;
  /** What was said before the question. */
  readonly before?: readonly Message[];
  readonly answer: string;
  readonly data: string | null;
  readonly level?: string;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** How an evaluation draws completions. */
export interface Draws {
  /** Completions per item, from 1. */
  readonly samples: number;
  /** 0 is greedy. */
  readonly temperature: number;
}

export interface EvaluationSettings {
  readonly messages: (item: EvaluationItem) => readonly Message[];
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  readonly draws: Draws;
  /** Seed of a completion; greedy ones need none. */
  readonly seed?: (itemId: string, sample: number) => bigint;
  /** Given the judged completions of an item, in the order of the items. */
  readonly judged?: (item: EvaluationItem, answers: readonly JudgedAnswer[]) => void;
  /**
   * Told of each item that could not be asked or judged, such as a question that is longer than the context; it does
   * not count.
   */
  readonly failed: (item: EvaluationItem, error: UserError) => void;
}

export interface JudgedAnswer extends Judgement {
  readonly text: string;
  readonly tokens: number;
}

export interface Evaluation {
  /** Items that were judged. */
  readonly n: number;
  /** Correct completions. */
  readonly correct: number;
  /** Share of completions that are correct: mean@k for k samples; 0 where nothing was judged. */
  readonly accuracy: number;
}

/** Several completions per item. */
export interface SampledEvaluation extends Evaluation, Draws {
  /**
   * Standard error of `accuracy` over the items: the completions of one item depend on each other. 0 below two items.
   */
  readonly standardError: number;
  /** pass@k: share of items with a correct completion among k. */
  readonly passAtK: number;
}

export interface HeldOutEvaluation extends Evaluation {
  /** Where the pipeline asks for samples next to the greedy answers. */
  readonly sampled?: SampledEvaluation;
}

/** The evaluation of all tasks; in a pipeline with `tasks`, also that of each, and of each level of difficulty. */
export interface TaskEvaluation extends HeldOutEvaluation {
  readonly tasks?: Readonly<Record<string, HeldOutEvaluation>>;
  readonly levels?: Readonly<Record<string, HeldOutEvaluation>>;
}

/** Correct completions per item, k of each, as an evaluation. */
export function tally(counts: readonly number[], draws: Draws): SampledEvaluation {
  const n = counts.length;
  const correct = counts.reduce((sum, count) => sum + count, 0);
  const share = (sum: number, of: number): number => (of === 0 ? 0 : sum / of);
  const accuracy = share(correct, n * draws.samples);
  const squares = counts.reduce((sum, count) => sum + (count / draws.samples - accuracy) ** 2, 0);
  return {
    n,
    correct,
    accuracy,
    ...draws,
    standardError: n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n),
    passAtK: share(counts.filter((count) => count > 0).length, n),
  };
}

const NORMAL_95 = 1.96;

/**
 * 95 % confidence interval of `accuracy` by Wilson's score method. The completions of one item depend on each other, so
 * they count as the number of independent ones that would give the same standard error.
 */
export function accuracyInterval({ n, accuracy, standardError, samples }: SampledEvaluation): [number, number] {
  if (n === 0) return [0, 1];
  const spread = accuracy * (1 - accuracy);
  const independent = standardError > 0 ? Math.min(spread / standardError ** 2, n * samples) : n;
  const z = NORMAL_95 ** 2 / independent;
  const middle = (accuracy + z / 2) / (1 + z);
  const half = (NORMAL_95 / (1 + z)) * Math.sqrt(spread / independent + z / (4 * independent));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/**
 * Samples and judges completions of one version of the policy.
 * @returns correct completions per item that could be judged
 */
export async function countCorrect(
  policy: Policy,
  version: number,
  items: readonly EvaluationItem[],
  verifier: Verifier,
  settings: EvaluationSettings,
): Promise<number[]> {
  const { draws, seed = () => 0n, maxTokens, stop, judged = () => {}, failed } = settings;
  const judge = async (item: EvaluationItem, { text, tokens }: Completion): Promise<JudgedAnswer> => {
    const judgement = await verifier.verify({
      promptId: item.itemId,
      itemId: item.itemId,
      question: item.question,
      completion: text,
      reference: { answer: item.answer, data: item.data },
    });
    return { ...judgement, text, tokens: tokens.length };
  };
  const answer = async (item: EvaluationItem): Promise<JudgedAnswer[]> => {
    const completions = await policy.sample(version, {
      prompt: policy.encodePrompt(settings.messages(item)),
      seeds: Array.from({ length: draws.samples }, (_, sample) => seed(item.itemId, sample)),
      sampling: { temperature: draws.temperature, maxTokens, ...(stop && { stop }) },
    });
    return Promise.all(completions.map((completion) => judge(item, completion)));
  };
  const asked = items.map((item) =>
    answer(item).catch((error) => {
      if (!(error instanceof UserError)) throw error;
      failed(item, error);
      return undefined;
    }),
  );
  const counts: number[] = [];
  for (const [i, answers] of (await Promise.all(asked)).entries()) {
    if (!answers) continue;
    judged(at(items, i), answers);
    counts.push(correctIn(answers));
  }
  return counts;
}

/** Levels beyond which there are no figures by level: a score that hardly repeats is no level. */
const MAX_LEVELS = 50;

/** Correct ones among the completions of an item. */
export const correctIn = (answers: readonly JudgedAnswer[]): number =>
  answers.filter(({ verdict }) => verdict === 'correct').length;

/** The evaluations of all tasks as one. @param byLevel of the items that have a level */
export function inTotal(
  byTask: ReadonlyMap<string, HeldOutCounts>,
  draws: Draws | undefined,
  byLevel: ReadonlyMap<string, HeldOutCounts> = new Map(),
): TaskEvaluation {
  const of = ({ greedy, sampled }: HeldOutCounts): HeldOutEvaluation => {
    const { n, correct, accuracy } = tally(greedy, GREEDY);
    return { n, correct, accuracy, ...(draws && { sampled: tally(sampled, draws) }) };
  };
  const levels =
    byLevel.size > 0 && byLevel.size <= MAX_LEVELS
      ? { levels: Object.fromEntries([...byLevel].map(([level, counts]) => [level, of(counts)])) }
      : {};
  const only = byTask.get('');
  if (only) return { ...of(only), ...levels };
  const all = [...byTask.values()];
  return {
    ...of({ greedy: all.flatMap(({ greedy }) => greedy), sampled: all.flatMap(({ sampled }) => sampled) }),
    tasks: Object.fromEntries([...byTask].map(([name, counts]) => [name, of(counts)])),
    ...levels,
  };
}

/** One greedy completion. */
export const GREEDY: Draws = { samples: 1, temperature: 0 };

/** Correct completions per item: of the greedy one, and of the samples, if any are asked for. */
export interface HeldOutCounts {
  readonly greedy: number[];
  readonly sampled: number[];
}

function valuesOf({ n, correct, accuracy, sampled }: HeldOutEvaluation): Record<string, number> {
  return {
    n,
    correct,
    accuracy,
    ...(sampled && {
      samples: sampled.samples,
      meanAtK: sampled.accuracy,
      meanAtKError: sampled.standardError,
      passAtK: sampled.passAtK,
    }),
  };
}

/** An evaluation as figures by name: `accuracy`, for a task `accuracy/NAME`, for a level `accuracy/level/LEVEL`. */
export function evaluationValues({ tasks = {}, levels = {}, ...total }: TaskEvaluation): Record<string, number> {
  const ofLevels = Object.entries(levels).map(([level, evaluation]) => [`level/${level}`, evaluation] as const);
  const ofParts = [...Object.entries(tasks), ...ofLevels].flatMap(([name, evaluation]) =>
    Object.entries(valuesOf(evaluation)).map(([figure, value]) => [`${figure}/${name}`, value] as const),
  );
  return { ...valuesOf(total), ...Object.fromEntries(ofParts) };
}
