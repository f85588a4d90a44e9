import { BudgetError } from '../errors.js';

export interface Limits {
  /** Expressions and statements that one rendering evaluates. */
  steps: number;
  /** UTF-16 units of all strings that it reads and builds. */
  characters: number;
  /** Nested calls of macros and recursive loops. */
  calls: number;
}

/** A conversation of 1,000 messages takes less than a tenth. */
export const defaultLimits: Readonly<Limits> = { steps: 2_000_000, characters: 200_000_000, calls: 100 };

// A rendering is synchronous and never inside another, so what is left is one record, not an argument of everything.
let left: Limits = { ...defaultLimits };

/** Runs a rendering within limits. Counts, not clocks: the same input fails at the same place everywhere. */
export function withinBudget<T>(limits: Readonly<Limits>, render: () => T): T {
  left = { ...limits };
  try {
    return render();
  } catch (error) {
    if (error instanceof RangeError && /call stack/i.test(error.message))
      throw new BudgetError('the template nests values or calls too deeply');
    throw error;
  }
}

/** @throws {BudgetError} */
export function spendSteps(count = 1): void {
  left.steps -= count;
  if (left.steps < 0) throw new BudgetError('the template takes too many steps; is there an endless loop?');
}

/** @throws {BudgetError} */
export function spendCharacters(count: number): void {
  left.characters -= count;
  if (left.characters < 0) throw new BudgetError('the template builds too much text; is there an endless loop?');
}

/** @throws {BudgetError} */
export function nestedCall<T>(call: () => T): T {
  if (left.calls === 0) throw new BudgetError('the template calls macros too deeply');
  left.calls--;
  const result = call();
  left.calls++;
  return result;
}
