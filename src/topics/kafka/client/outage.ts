/** Tells when brokers stop answering, and when they answer again. */
export interface OutageWatch {
  /** A request failed and will be repeated. */
  failed(doing: string, error: Error): void;
  /** A request was answered. */
  answered(): void;
}

/** Milliseconds without an answer that are worth a message: a restart of one broker of several takes less. */
const NOTED_MS = 2_000;

/** @param now milliseconds on a clock that never jumps */
export function outageWatch(
  brokers: readonly string[],
  report: (message: string) => void,
  now: () => number = () => performance.now(),
): OutageWatch {
  let since: number | undefined;
  let reported = false;
  return {
    failed(doing, error) {
      since ??= now();
      if (reported || now() - since < NOTED_MS) return;
      reported = true;
      report(`Kafka at ${brokers.join(', ')} does not answer (${doing}: ${error.message}); trying again until it does`);
    },
    answered() {
      if (reported && since !== undefined)
        report(`Kafka at ${brokers.join(', ')} answers again, after ${Math.round((now() - since) / 1000)} s`);
      since = undefined;
      reported = false;
    },
  };
}
