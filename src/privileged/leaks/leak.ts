/** One completion, with what its prompt and its teacher contained. */
export interface LeakSample {
  readonly prompt: string;
  readonly completion: string;
  /** What the teacher was shown, in one or more pieces. */
  readonly privileged: readonly string[];
}

/** Signs in one completion that the student repeats what only the teacher was shown. */
export interface SampleLeak {
  /**
   * Share of words (0 to 1) in runs of at least `runWords` words that occur in the privileged text but not in the
   * prompt.
   */
  readonly repeated: number;
  /** Longest such run, in words. */
  readonly longestRun: number;
  /** 1 if it cites a reference, hint or document that its prompt does not mention, else 0. */
  readonly cited: number;
  /** In words. */
  readonly length: number;
}

/** Minimum words of a run that counts as repeated; shorter ones coincide by chance. */
export const runWords = 5;

/** Words and numbers in lower case. Every other visible character is a word of its own: `3+4=7` has five. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/**
 * How much of a completion occurs in the privileged text but not in the prompt.
 * @param gram minimum number of consecutive words that must match, at least 1
 * @returns the `share` (0 to 1) of the completion's words in such runs, and the number of words of the `longest`
 * @throws {RangeError} for a `gram` below 1
 * @example repeatedShare({ prompt: 'Why?', completion: 'because the seal leaks', privileged: ['It is because the seal
 * leaks.'] }, 3).share // 1
 */
export function repeatedShare(sample: LeakSample, gram: number): { readonly share: number; readonly longest: number } {
  if (!Number.isInteger(gram) || gram < 1)
    throw new RangeError(`gram: found ${gram}, expected an integer of at least 1`);
  const words = wordsOf(sample.completion);
  const open = gramsOf(wordsOf(sample.prompt), gram);
  const hidden = new Set(sample.privileged.flatMap((text) => [...gramsOf(wordsOf(text), gram)]));
  const covered = new Uint8Array(words.length);
  for (let at = 0; at + gram <= words.length; at++) {
    const key = words.slice(at, at + gram).join(' ');
    if (hidden.has(key) && !open.has(key)) covered.fill(1, at, at + gram);
  }
  let longest = 0;
  let run = 0;
  let count = 0;
  for (const mark of covered) {
    run = mark ? run + 1 : 0;
    count += mark;
    longest = Math.max(longest, run);
  }
  return { share: words.length === 0 ? 0 : count / words.length, longest };
}

function gramsOf(words: readonly string[], gram: number): Set<string> {
  const grams = new Set<string>();
  for (let at = 0; at + gram <= words.length; at++) grams.add(words.slice(at, at + gram).join(' '));
  return grams;
}

const material = 'reference|references|hint|document|documents|passage|passages|material|context|manual|excerpt|trace';
const given = 'given|provided|supplied|reference|worked|official|privileged|hidden';
const citations = [
  new RegExp(`\\b(?:the|this|that|your|my) (?:${given}) (?:answer|solution|${material})\\b`, 'iu'),
  new RegExp(
    '\\b(?:according to|based on|as (?:stated|given|shown|described|noted) (?:in|by)|matches|matching|consistent ' +
      `with|per) (?:the|this|that|your) (?:\\w+ ){0,2}?(?:answer key|solution|${material})\\b`,
    'iu',
  ),
  new RegExp(
    `\\b(?:the|this|that|your) (?:${material}) ` +
      '(?:says|states|shows|gives|tells|mentions|confirms|provides|indicates)\\b',
    'iu',
  ),
  /\b(?:answer key|for (?:my|your) eyes only|(?:i|we) (?:was|were|am|are|have been) (?:given|shown|told) the (?:answer|solution))\b/iu,
];

/**
 * The words with which a completion cites something that it was not shown; undefined when it cites nothing, or when its
 * prompt uses such words itself. Recognizes English wordings only.
 * @example citesUnseen('What is 2 + 3?', 'According to the reference solution it is 5.') // 'the reference solution'
 */
export function citesUnseen(prompt: string, completion: string): string | undefined {
  for (const citation of citations) {
    const found = citation.exec(completion)?.[0];
    if (found !== undefined && !citation.test(prompt)) return found;
  }
  return undefined;
}

/** All measures of one completion. */
export function leakOf(sample: LeakSample): SampleLeak {
  const { share, longest } = repeatedShare(sample, runWords);
  return {
    repeated: share,
    longestRun: longest,
    cited: citesUnseen(sample.prompt, sample.completion) === undefined ? 0 : 1,
    length: wordsOf(sample.completion).length,
  };
}
