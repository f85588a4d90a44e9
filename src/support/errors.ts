import { at } from './required.js';
/**
 * A user error: an invalid request, spec, file or record. Its message is self-contained: what and where, found,
 * expected. The command line prints it without a stack trace.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  constructor(
    /** Short code for dead letters and `--json`, such as `prompt-too-long`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The name in `known` with the fewest edits, for "did you mean"; undefined if none is close.
 * @param edits how many still count as close
 */
export function nearest(
  name: string,
  known: readonly string[],
  edits = Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        const substitution = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
        next.push(Math.min(at(row, j) + 1, at(next, j - 1) + 1, substitution));
      }
      row = next;
    }
    return at(row, b.length);
  };
  const best = known
    .map((candidate) => ({ candidate, edits: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= edits ? best.candidate : undefined;
}
