import { digest } from '../support/digest.js';
import { at } from '../support/required.js';
import type { CheckedJudgement, CheckedVerifier, Judgement, Question, Verifier, VerifierItem } from './verifier.js';

const hashOf = (name: string, parts: readonly Verifier[], ...settings: readonly string[]): string =>
  digest(name, ...settings, ...parts.map(({ hash }) => hash));

const closeAll = (parts: readonly Verifier[]) => async (): Promise<void> => {
  await Promise.all(parts.map((part) => part.close()));
};

/** An item is broken if one of the verifiers says so. */
const checkAll =
  (parts: readonly Verifier[]) =>
  async (item: VerifierItem, where: string): Promise<void> => {
    for (const part of parts) await part.checkItem?.(item, where);
  };

/** Evidence of every verifier; its keys start with the verifier's position and name: `1 math: answer`. */
const evidenceOf = (parts: readonly Verifier[], judgements: readonly Judgement[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    judgements.flatMap(({ verdict, evidence }, i) => {
      const label = `${i + 1} ${at(parts, i).name}`;
      return [[label, verdict], ...Object.entries(evidence).map(([key, text]) => [`${label}: ${key}`, text])];
    }),
  );

type Combination = (judgements: readonly Judgement[]) => Omit<Judgement, 'evidence'>;

/** Every verifier judges, whatever the others say, so that the verdict does not depend on which is faster. */
function combine(name: string, parts: readonly Verifier[], hash: string, together: Combination): Verifier {
  return {
    name,
    hash,
    async verify(question, signal) {
      const judgements = await Promise.all(parts.map((part) => part.verify(question, signal)));
      return { ...together(judgements), evidence: evidenceOf(parts, judgements) };
    },
    checkItem: checkAll(parts),
    close: closeAll(parts),
  };
}

const nameOf = (word: string, parts: readonly Verifier[]): string =>
  `${word}(${parts.map(({ name }) => name).join(', ')})`;

/** Correct if every verifier says so; otherwise the verdict of the first that does not. The reward is the smallest. */
export function allOf(parts: readonly Verifier[]): Verifier {
  return combine(nameOf('all', parts), parts, hashOf('all', parts), (judgements) => {
    const reward = Math.min(...judgements.map((one) => one.reward));
    const first = judgements.findIndex(({ verdict }) => verdict !== 'correct');
    if (first < 0) return { verdict: 'correct', reward, reason: `all ${judgements.length} agree` };
    const { verdict, reason } = at(judgements, first);
    return { verdict, reward, reason: `${at(parts, first).name}: ${reason}` };
  });
}

/** Correct if one verifier says so; otherwise the first one's verdict. The reward is the largest. */
export function anyOf(parts: readonly Verifier[]): Verifier {
  return combine(nameOf('any', parts), parts, hashOf('any', parts), (judgements) => {
    const reward = Math.max(...judgements.map((one) => one.reward));
    const correct = judgements.findIndex(({ verdict }) => verdict === 'correct');
    const chosen = Math.max(0, correct);
    const { verdict, reason } = at(judgements, chosen);
    return { verdict, reward, reason: `${at(parts, chosen).name}: ${reason}` };
  });
}

/** The weighted sum of the rewards. The verdict is that of the heaviest verifier, the first one among equals. */
export function weighted(parts: readonly { readonly weight: number; readonly verifier: Verifier }[]): Verifier {
  const verifiers = parts.map(({ verifier }) => verifier);
  const weights = parts.map(({ weight }) => weight);
  const main = weights.indexOf(Math.max(...weights));
  const hash = hashOf('weighted', verifiers, JSON.stringify(weights));
  return combine(nameOf('weighted', verifiers), verifiers, hash, (judgements) => {
    const reward = judgements.reduce((sum, one, i) => sum + one.reward * at(weights, i), 0);
    const terms = judgements.map((one, i) => `${weights[i]} × ${one.reward}`).join(' + ');
    const { verdict, reason } = at(judgements, main);
    return { verdict, reward, reason: `${terms}; ${reason}` };
  });
}

/**
 * The first verifier's judgement. If exactly one of the two says correct, the evidence has `disagrees`, the second's
 * verdict, and `judgeTwice` returns both judgements in full.
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
    checkItem: checkAll(parts),
    close: closeAll(parts),
  };
}
