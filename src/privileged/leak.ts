/**
 * Meters of one question: does the student begin to repeat what only the teacher was shown? Pure functions over one step's samples; the
 * base is the same measurement from the start of the run, as text also meets by chance.
 */
export interface LeakSample {
  readonly prompt: string;
  readonly completion: string;
  /** What the teacher was shown, in one string or one a piece. */
  readonly privileged: readonly string[];
}

export interface LeakSummary {
  readonly samples: number;
  /** Mean share (0 to 1) of a completion's words inside a run of words that the privileged text has and the prompt has not. */
  readonly repeated: number;
  /** Longest such run in any sample, in words. */
  readonly longestRun: number;
  /** Share (0 to 1) of completions that speak of a reference, hint or document that their prompt does not speak of. */
  readonly cited: number;
  /** Mean length of a completion, in words. */
  readonly length: number;
}

export interface LeakThresholds {
  /** Words of a run that counts; 5. Shorter ones meet by chance. */
  readonly gram: number;
  /** Alarm when `repeated` passes the base by more than this; 0.1. */
  readonly repeated: number;
  /** Alarm when `cited` passes the base by more than this; 0.02. */
  readonly cited: number;
  /** Alarm when `length` leaves base / (1 + this) to base * (1 + this); 0.5. */
  readonly length: number;
  /** Samples below which nothing is said; 32. */
  readonly minSamples: number;
}

export const leakThresholds: LeakThresholds = { gram: 5, repeated: 0.1, cited: 0.02, length: 0.5, minSamples: 32 };

/** Words and numbers in lower case; each other visible character stands alone, so that `3+4=7` has five. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/**
 * How much of a completion stands in the privileged text but not in the prompt.
 * @param gram Words that a run must have in common to count, at least 1.
 * @returns `share` of the completion's words inside such runs, 0 to 1, and the words of the `longest` of them.
 * @throws {RangeError} for a `gram` below 1.
 * @example repeatedShare({ prompt: 'Why?', completion: 'because the seal leaks', privileged: ['It is because the seal leaks.'] }, 3).share // 1
 */
export function repeatedShare(sample: LeakSample, gram: number): { readonly share: number; readonly longest: number } {
  if (!Number.isInteger(gram) || gram < 1)
    throw new RangeError(`gram is ${gram}, expected a whole number of at least 1`);
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
    `\\b(?:according to|based on|as (?:stated|given|shown|described|noted) (?:in|by)|matches|matching|consistent with|per) (?:the|this|that|your) (?:\\w+ ){0,2}?(?:answer key|solution|${material})\\b`,
    'iu',
  ),
  new RegExp(
    `\\b(?:the|this|that|your) (?:${material}) (?:says|states|shows|gives|tells|mentions|confirms|provides|indicates)\\b`,
    'iu',
  ),
  /\b(?:answer key|for (?:my|your) eyes only|(?:i|we) (?:was|were|am|are|have been) (?:given|shown|told) the (?:answer|solution))\b/iu,
];

/**
 * The words with which a completion cites something that it was not shown; undefined where it cites nothing, or the prompt speaks in
 * the same way itself. English wordings only.
 * @example citesUnseen('What is 2 + 3?', 'According to the reference solution it is 5.') // 'the reference solution'
 */
export function citesUnseen(prompt: string, completion: string): string | undefined {
  for (const citation of citations) {
    const found = citation.exec(completion)?.[0];
    if (found !== undefined && !citation.test(prompt)) return found;
  }
  return undefined;
}

/** @throws {RangeError} without samples. */
export function leakSummary(samples: readonly LeakSample[], gram = leakThresholds.gram): LeakSummary {
  if (samples.length === 0) throw new RangeError('no samples to measure');
  const repeats = samples.map((sample) => repeatedShare(sample, gram));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    samples: samples.length,
    repeated: mean(repeats.map(({ share }) => share)),
    longestRun: Math.max(...repeats.map(({ longest }) => longest)),
    cited: mean(samples.map(({ prompt, completion }) => (citesUnseen(prompt, completion) === undefined ? 0 : 1))),
    length: mean(samples.map(({ completion }) => wordsOf(completion).length)),
  };
}

/** Two measurements as one, weighted by their samples: a base over several steps, or a moving window. */
export function mergeLeaks(a: LeakSummary, b: LeakSummary): LeakSummary {
  const samples = a.samples + b.samples;
  const mean = (x: number, y: number): number => (x * a.samples + y * b.samples) / samples;
  return {
    samples,
    repeated: mean(a.repeated, b.repeated),
    longestRun: Math.max(a.longestRun, b.longestRun),
    cited: mean(a.cited, b.cited),
    length: mean(a.length, b.length),
  };
}

/** The values of a `metrics` record; none of them is text. */
export function leakMetrics(now: LeakSummary, base: LeakSummary): Readonly<Record<string, number>> {
  return {
    leakRepeated: now.repeated,
    leakRepeatedBase: base.repeated,
    leakLongestRun: now.longestRun,
    leakCited: now.cited,
    leakCitedBase: base.cited,
    completionWords: now.length,
    completionWordsBase: base.length,
  };
}

/** One line for each meter past its threshold, for the metric's `message` and the terminal; quotes nothing. */
export function leakAlarms(
  now: LeakSummary,
  base: LeakSummary,
  thresholds: LeakThresholds = leakThresholds,
): readonly string[] {
  if (now.samples < thresholds.minSamples || base.samples < thresholds.minSamples) return [];
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const alarms: string[] = [];
  if (now.repeated > base.repeated + thresholds.repeated) {
    alarms.push(
      `completions repeat privileged text: ${percent(now.repeated)} of their words, ${percent(base.repeated)} at the start of the run (longest run ${now.longestRun} words)`,
    );
  }
  if (now.cited > base.cited + thresholds.cited) {
    alarms.push(
      `completions cite material that they were not shown: ${percent(now.cited)} of them, ${percent(base.cited)} at the start of the run`,
    );
  }
  const ratio = now.length / base.length;
  if (ratio > 1 + thresholds.length || ratio < 1 / (1 + thresholds.length)) {
    alarms.push(
      `completions drift in length: ${now.length.toFixed(1)} words, ${base.length.toFixed(1)} at the start of the run`,
    );
  }
  return alarms;
}
