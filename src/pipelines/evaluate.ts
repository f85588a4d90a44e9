import type { Policy } from '../policy/policy.js';
import type { Message } from '../topics/records.js';
import type { Verifier } from '../verifiers/verifier.js';

/** A question with its answer that was never trained on. */
export interface EvaluationItem {
  readonly itemId: string;
  readonly question: string;
  readonly answer: string;
  readonly data: string | null;
}

export interface EvaluationSettings {
  readonly messages: (question: string) => readonly Message[];
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  /** 0, the default, is greedy. */
  readonly temperature?: number;
  readonly seed?: (itemId: string) => bigint;
}

export interface Evaluation {
  readonly n: number;
  readonly correct: number;
  /** `correct / n`; 0 where there is nothing to answer. */
  readonly accuracy: number;
}

/** How many of the items one version of the policy answers correctly. */
export async function evaluate(
  policy: Policy,
  version: number,
  items: readonly EvaluationItem[],
  verifier: Verifier,
  settings: EvaluationSettings,
): Promise<Evaluation> {
  const { temperature = 0, seed = () => 0n, maxTokens, stop } = settings;
  const verdicts = await Promise.all(
    items.map(async (item) => {
      const [completion] = await policy.sample(version, {
        prompt: policy.encodePrompt(settings.messages(item.question)),
        seeds: [seed(item.itemId)],
        sampling: { temperature, maxTokens, ...(stop && { stop }) },
      });
      const judgement = await verifier.verify({
        promptId: item.itemId,
        itemId: item.itemId,
        question: item.question,
        completion: completion?.text ?? '',
        reference: { answer: item.answer, data: item.data },
      });
      return judgement.verdict;
    }),
  );
  const correct = verdicts.filter((verdict) => verdict === 'correct').length;
  return { n: items.length, correct, accuracy: items.length === 0 ? 0 : correct / items.length };
}
