import { digest } from '../support/digest.js';
import type { CheckedJudgement, CheckedVerifier, Judgement, Question, Verifier } from './verifier.js';

const hashOf = (name: string, parts: readonly Verifier[], ...settings: readonly string[]): string =>
  digest(name, ...settings, ...parts.map(({ hash }) => hash));

const closeAll = (parts: readonly Verifier[]) => async (): Promise<void> => {
  await Promise.all(parts.map((part) => part.close()));
};

/** Evidence of every part, its keys after the part's place and name: `1 math: answer`. */
const evidenceOf = (parts: readonly Verifier[], judgements: readonly Judgement[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    judgements.flatMap(({ verdict, evidence }, i) => {
      const label = `${i + 1} ${parts[i]?.name ?? ''}`;
      return [[label, verdict], ...Object.entries(evidence).map(([key, text]) => [`${label}: ${key}`, text])];
    }),
  );

type Combination = (judgements: readonly Judgement[]) => Omit<Judgement, 'evidence'>;

/** Every part judges, whatever the others say, so that the verdict does not depend on which is first. */
function combine(name: string, parts: readonly Verifier[], hash: string, together: Combination): Verifier {
  return {
    name,
    hash,
    async verify(question, signal) {
      const judgements = await Promise.all(parts.map((part) => part.verify(question, signal)));
      return { ...together(judgements), evidence: evidenceOf(parts, judgements) };
    },
    close: closeAll(parts),
  };
}

const nameOf = (word: string, parts: readonly Verifier[]): string =>
  `${word}(${parts.map(({ name }) => name).join(', ')})`;

/** Correct where every part is: the verdict of the first that is not, and the least reward. */
export function allOf(parts: readonly Verifier[]): Verifier {
  return combine(nameOf('all', parts), parts, hashOf('all', parts), (judgements) => {
    const reward = Math.min(...judgements.map((one) => one.reward));
    const at = judgements.findIndex(({ verdict }) => verdict !== 'correct');
    const failed = judgements[at];
    if (!failed) return { verdict: 'correct', reward, reason: `all ${judgements.length} agree` };
    return { verdict: failed.verdict, reward, reason: `${parts[at]?.name}: ${failed.reason}` };
  });
}

/** Correct where one part is; otherwise the first part's verdict. The reward is the greatest. */
export function anyOf(parts: readonly Verifier[]): Verifier {
  return combine(nameOf('any', parts), parts, hashOf('any', parts), (judgements) => {
    const reward = Math.max(...judgements.map((one) => one.reward));
    const at = Math.max(
      0,
      judgements.findIndex(({ verdict }) => verdict === 'correct'),
    );
    const chosen = judgements[at];
    return { verdict: chosen?.verdict ?? 'incorrect', reward, reason: `${parts[at]?.name}: ${chosen?.reason}` };
  });
}

/** The weighted sum of the rewards; the verdict is that of the part with the greatest weight, the first among equals. */
export function weighted(parts: readonly { readonly weight: number; readonly verifier: Verifier }[]): Verifier {
  const verifiers = parts.map(({ verifier }) => verifier);
  const weights = parts.map(({ weight }) => weight);
  const main = weights.indexOf(Math.max(...weights));
  const hash = hashOf('weighted', verifiers, JSON.stringify(weights));
  return combine(nameOf('weighted', verifiers), verifiers, hash, (judgements) => {
    const reward = judgements.reduce((sum, one, i) => sum + one.reward * (weights[i] ?? 0), 0);
    const terms = judgements.map((one, i) => `${weights[i]} × ${one.reward}`).join(' + ');
    return {
      verdict: judgements[main]?.verdict ?? 'incorrect',
      reward,
      reason: `${terms}; ${judgements[main]?.reason}`,
    };
  });
}

/**
 * The first verifier's judgement. Where one of the two says correct and the other does not, the evidence has `disagrees`, the
 * second's verdict, and `judgeTwice` gives both judgements whole.
 */
export function checked(first: Verifier, second: Verifier): CheckedVerifier {
  const parts = [first, second];
  async function judgeTwice(question: Question, signal?: AbortSignal): Promise<CheckedJudgement> {
    const [one, two] = await Promise.all([first.verify(question, signal), second.verify(question, signal)]);
    if ((one.verdict === 'correct') === (two.verdict === 'correct')) return { judgement: one };
    const evidence = { ...one.evidence, disagrees: two.verdict, secondReason: `${second.name}: ${two.reason}` };
    const opinion = ({ name, hash }: Verifier, judgement: Judgement) => ({
      ...judgement,
      verifier: name,
      verifierHash: hash,
    });
    return {
      judgement: { ...one, evidence },
      disagreement: { judged: opinion(first, one), checked: opinion(second, two) },
    };
  }
  return {
    name: nameOf('checked', parts),
    hash: hashOf('checked', parts),
    judgeTwice,
    verify: async (question, signal) => (await judgeTwice(question, signal)).judgement,
    close: closeAll(parts),
  };
}
