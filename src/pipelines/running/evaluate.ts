import type { Policy } from '../../engines/policy.js';
import type { Message } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { at } from '../../support/required.js';
import type { Verifier } from '../../verifiers/verifier.js';

/** A question with its answer that was never trained on. */
export interface EvaluationItem {
  readonly itemId: string;
  readonly question: string;
  /** What was said before the question. */
  readonly before?: readonly Message[];
  readonly answer: string;
  readonly data: string | null;
  /** Where it came from, for messages. */
  readonly source: string;
}

export interface EvaluationSettings {
  readonly messages: (item: EvaluationItem) => readonly Message[];
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  /** 0, the default, is greedy. */
  readonly temperature?: number;
  readonly seed?: (itemId: string) => bigint;
  /**
   * Told of each item that could not be asked or judged, such as a question that is longer than the context; it does
   * not count.
   */
  readonly failed: (item: EvaluationItem, error: UserError) => void;
}

export interface Evaluation {
  /** Items that were judged. */
  readonly n: number;
  readonly correct: number;
  /** `correct / n`; 0 where there is nothing to answer. */
  readonly accuracy: number;
}

/** The evaluation of all tasks; in a pipeline with `tasks`, also that of each. */
export interface TaskEvaluation extends Evaluation {
  readonly tasks?: Readonly<Record<string, Evaluation>>;
}

/** The sum over the tasks, by name. */
export function inTotal(byTask: ReadonlyMap<string, Evaluation>): TaskEvaluation {
  const only = byTask.get('');
  if (only) return only;
  const sum = (of: (evaluation: Evaluation) => number) =>
    [...byTask.values()].reduce((total, one) => total + of(one), 0);
  const [n, correct] = [sum((one) => one.n), sum((one) => one.correct)];
  return { n, correct, accuracy: n === 0 ? 0 : correct / n, tasks: Object.fromEntries(byTask) };
}

/** An evaluation as figures by name: `accuracy`, and for a task `accuracy/NAME`. */
export function evaluationValues({ tasks = {}, n, correct, accuracy }: TaskEvaluation): Record<string, number> {
  const ofTasks = Object.entries(tasks).flatMap(([name, evaluation]) =>
    Object.entries(evaluation).map(([figure, value]) => [`${figure}/${name}`, value] as const),
  );
  return { n, correct, accuracy, ...Object.fromEntries(ofTasks) };
}

/** How many of the items one version of the policy answers correctly. */
export async function evaluate(
  policy: Policy,
  version: number,
  items: readonly EvaluationItem[],
  verifier: Verifier,
  settings: EvaluationSettings,
): Promise<Evaluation> {
  const { temperature = 0, seed = () => 0n, maxTokens, stop, failed } = settings;
  const isCorrect = async (item: EvaluationItem): Promise<boolean> => {
    const completion = at(
      await policy.sample(version, {
        prompt: policy.encodePrompt(settings.messages(item)),
        seeds: [seed(item.itemId)],
        sampling: { temperature, maxTokens, ...(stop && { stop }) },
      }),
      0,
    );
    const { verdict } = await verifier.verify({
      promptId: item.itemId,
      itemId: item.itemId,
      question: item.question,
      completion: completion.text,
      reference: { answer: item.answer, data: item.data },
    });
    return verdict === 'correct';
  };
  const answers = items.map((item) =>
    isCorrect(item).catch((error) => {
      if (!(error instanceof UserError)) throw error;
      failed(item, error);
      return undefined;
    }),
  );
  const judged = (await Promise.all(answers)).filter((answer) => answer !== undefined);
  const correct = judged.filter(Boolean).length;
  return { n: judged.length, correct, accuracy: judged.length === 0 ? 0 : correct / judged.length };
}
