/** How far two series of numbers agree. */
export interface Agreement {
  readonly changed: number;
  readonly meanAbsoluteDifference: number;
  /** Pearson's correlation; null where one series is constant. */
  readonly correlation: number | null;
}

export interface AgreementMeter {
  readonly add: (was: number, is: number) => void;
  readonly result: () => Agreement;
}

/**
 * Measures the agreement of pairs in one pass, by Welford's method.
 * @example
 * const meter = agreementMeter();
 * meter.add(1, 1);
 * meter.add(2, 2.5);
 * meter.result(); // { changed: 1, meanAbsoluteDifference: 0.25, correlation: 1 }
 */
export function agreementMeter(): AgreementMeter {
  let [n, changed, distance, meanA, meanB, varA, varB, cov] = [0, 0, 0, 0, 0, 0, 0, 0];
  return {
    add(a, b) {
      n++;
      changed += a === b ? 0 : 1;
      distance += Math.abs(a - b);
      const [dA, dB] = [a - meanA, b - meanB];
      meanA += dA / n;
      meanB += dB / n;
      varA += dA * (a - meanA);
      varB += dB * (b - meanB);
      cov += dA * (b - meanB);
    },
    result() {
      const spread = Math.sqrt(varA * varB);
      const correlation = changed === 0 && spread > 0 ? 1 : spread > 0 ? Math.max(-1, Math.min(1, cov / spread)) : null;
      return { changed, meanAbsoluteDifference: distance / Math.max(1, n), correlation };
    },
  };
}
