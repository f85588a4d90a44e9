/** Natural log-probabilities of one completion's tokens under both; as long as each other. */
export interface ScoredSample {
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

/** Teacher minus student over one stretch of the completions. */
export interface PositionDifference {
  readonly tokens: number;
  /** Mean of teacher minus student log-probability; a rise at the end or the start without a rise in reward is how a leak begins. */
  readonly mean: number;
  readonly meanAbsolute: number;
}

/**
 * The difference by relative position: completions of any length are divided into `buckets` equal stretches, the first of which holds
 * their beginnings. Tokens whose difference is infinite count as the largest finite one of their sample.
 * @throws {RangeError} for two lengths in one sample, NaN, or fewer than one bucket.
 * @example differenceByPosition([{ student, teacher }], 10)[9]?.mean // over the last tenth of the completion
 */
export function differenceByPosition(samples: readonly ScoredSample[], buckets: number): readonly PositionDifference[] {
  if (!Number.isInteger(buckets) || buckets < 1) throw new RangeError(`buckets is ${buckets}, expected at least 1`);
  const sums = Array.from({ length: buckets }, () => ({ tokens: 0, sum: 0, absolute: 0 }));
  for (const sample of samples) {
    const differences = finite(sample);
    differences.forEach((difference, t) => {
      const bucket = sums[Math.floor((t * buckets) / differences.length)];
      if (!bucket) return;
      bucket.tokens++;
      bucket.sum += difference;
      bucket.absolute += Math.abs(difference);
    });
  }
  return sums.map(({ tokens, sum, absolute }) => ({
    tokens,
    mean: tokens === 0 ? 0 : sum / tokens,
    meanAbsolute: tokens === 0 ? 0 : absolute / tokens,
  }));
}

/** The values of a `metrics` record: `teacherMinusStudent0`, … by stretch. */
export function differenceMetrics(differences: readonly PositionDifference[]): Readonly<Record<string, number>> {
  return Object.fromEntries(differences.map(({ mean }, k) => [`teacherMinusStudent${k}`, mean]));
}

/**
 * Share (0 to 1) of tokens whose evidence weight exp(sign(A) * (teacher - student)) falls outside `low` to `high` and is clipped. Samples
 * without an advantage have no weights and do not count.
 */
export function clippedShare(
  samples: readonly (ScoredSample & { readonly advantage: number })[],
  low: number,
  high: number,
): number {
  let tokens = 0;
  let clipped = 0;
  for (const { student, teacher, advantage } of samples) {
    if (advantage === 0) continue;
    student.forEach((logprob, t) => {
      const weight = Math.exp(Math.sign(advantage) * ((teacher[t] ?? Number.NaN) - logprob));
      tokens++;
      if (weight < low || weight > high) clipped++;
    });
  }
  return tokens === 0 ? 0 : clipped / tokens;
}

function finite({ student, teacher }: ScoredSample): number[] {
  if (student.length !== teacher.length) {
    throw new RangeError(`${teacher.length} teacher log-probabilities for ${student.length} of the student`);
  }
  const differences = Array.from(student, (logprob, t) => (teacher[t] ?? Number.NaN) - logprob);
  if (differences.some(Number.isNaN)) throw new RangeError('a log-probability is NaN');
  const bound = differences.reduce((most, d) => (Number.isFinite(d) ? Math.max(most, Math.abs(d)) : most), 0);
  return differences.map((d) => Math.max(-bound, Math.min(bound, d)));
}
