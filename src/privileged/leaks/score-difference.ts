import { required } from '../../support/required.js';

/** Natural log-probabilities of one completion's tokens under student and teacher, both of the same length. */
export interface ScoredSample {
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

/** Teacher minus student log-probability over one section of the completions. */
export interface PositionDifference {
  readonly tokens: number;
  /** In nats. A rise at the start or the end without a rise in reward is how a leak begins. */
  readonly mean: number;
  /** Mean of the absolute difference, in nats. */
  readonly meanAbsolute: number;
}

/**
 * The difference by relative position: completions of any length are divided into `sections` equal parts, from
 * beginning to end. An infinite difference counts as the largest finite one of its sample.
 * @throws {RangeError} for different lengths in one sample, NaN, or fewer than one section
 * @example differenceByPosition([{ student, teacher }], 10)[9]?.mean // over the last tenth of the completion
 */
export function differenceByPosition(
  samples: readonly ScoredSample[],
  sections: number,
): readonly PositionDifference[] {
  if (!Number.isInteger(sections) || sections < 1)
    throw new RangeError(`sections: found ${sections}, expected at least 1`);
  const sums = Array.from({ length: sections }, () => ({ tokens: 0, sum: 0, absolute: 0 }));
  for (const sample of samples) {
    const differences = finite(sample);
    differences.forEach((difference, t) => {
      const section = required(sums[Math.floor((t * sections) / differences.length)], `section of token ${t}`);
      section.tokens++;
      section.sum += difference;
      section.absolute += Math.abs(difference);
    });
  }
  return sums.map(({ tokens, sum, absolute }) => ({
    tokens,
    mean: tokens === 0 ? 0 : sum / tokens,
    meanAbsolute: tokens === 0 ? 0 : absolute / tokens,
  }));
}

/** The values of a `metrics` record: `teacherMinusStudent0`, `teacherMinusStudent1`, … by section. */
export function differenceMetrics(differences: readonly PositionDifference[]): Readonly<Record<string, number>> {
  return Object.fromEntries(differences.map(({ mean }, k) => [`teacherMinusStudent${k}`, mean]));
}

/** Teacher minus student, bounded by the largest finite difference. */
function finite({ student, teacher }: ScoredSample): number[] {
  if (student.length !== teacher.length) {
    throw new RangeError(
      `teacher log-probabilities: found ${teacher.length}, expected ${student.length} as the student has`,
    );
  }
  const differences = Array.from(student, (logprob, t) => Number(teacher[t]) - logprob);
  if (differences.some(Number.isNaN)) throw new RangeError('log-probabilities: found NaN, expected numbers');
  const bound = differences.reduce((most, d) => (Number.isFinite(d) ? Math.max(most, Math.abs(d)) : most), 0);
  return differences.map((d) => Math.max(-bound, Math.min(bound, d)));
}
