import type { Judgement } from '../verifier.js';

/** The result of one test. */
export interface Outcome {
  readonly outcome: 'pass' | 'fail' | 'timeout' | 'memory' | 'crash';
  /** For the evidence: what the program did, never what was expected. */
  readonly detail: string;
}

const EVIDENCE_CHARACTERS = 500;

export const clip = (text: string, length = EVIDENCE_CHARACTERS): string =>
  text.length <= length ? text : `${text.slice(0, length)}…`;

const lines = (text: string): string[] =>
  text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map((line) => line.trimEnd());

const trimEnd = (all: string[]): string[] => {
  const last = all.findLastIndex((line) => line !== '');
  return all.slice(0, last + 1);
};

/**
 * Compares as programming contests do: trailing white space, trailing empty lines and the kind of line break are
 * ignored.
 */
export function compareOutput(found: string, expected: string): Outcome {
  const ours = trimEnd(lines(found));
  const theirs = trimEnd(lines(expected));
  const at = Array.from({ length: Math.max(ours.length, theirs.length) }).findIndex((_, i) => ours[i] !== theirs[i]);
  if (at === -1) return { outcome: 'pass', detail: '' };
  const line = ours[at];
  if (line === undefined)
    return { outcome: 'fail', detail: `the output ends after line ${ours.length}; more is expected` };
  if (at >= theirs.length) return { outcome: 'fail', detail: `line ${at + 1} is one too many: ${clip(line, 200)}` };
  return { outcome: 'fail', detail: `line ${at + 1} differs; the program wrote: ${clip(line, 200)}` };
}

const verdicts = { fail: 'incorrect', timeout: 'timeout', memory: 'crash', crash: 'crash' } as const;

/** The judgement that follows from the outcomes of the tests, in order. `total` includes tests that did not run. */
export function judgeOutcomes(
  outcomes: readonly Outcome[],
  total: number,
  reward: 'all' | 'fraction',
  evidence: Readonly<Record<string, string>>,
): Judgement {
  const passed = outcomes.filter(({ outcome }) => outcome === 'pass').length;
  const first = outcomes.findIndex(({ outcome }) => outcome !== 'pass');
  const failed = outcomes[first];
  if (!failed || failed.outcome === 'pass') {
    const reason = total === 1 ? 'the test passes' : `all ${total} tests pass`;
    return { verdict: 'correct', reward: 1, reason, evidence };
  }
  const did = { fail: 'fails', timeout: 'takes too long', memory: 'takes too much memory', crash: 'crashes' };
  return {
    verdict: verdicts[failed.outcome],
    reward: reward === 'fraction' ? passed / total : 0,
    reason: `test ${first + 1} of ${total} ${did[failed.outcome]}${reward === 'fraction' ? `; ${passed} pass` : ''}`,
    evidence: { ...evidence, failingTest: String(first + 1), outcome: failed.outcome, detail: failed.detail },
  };
}
