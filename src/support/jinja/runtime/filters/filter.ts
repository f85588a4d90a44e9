import type { Parameter } from '../calls.js';
import type { Keywords, Value } from '../values.js';

export type Filter =
  | { readonly parameters: readonly Parameter[]; readonly run: (value: Value, ...values: Value[]) => Value }
  | {
      /** Takes what it is given: names and arguments of other filters. */
      readonly parameters: 'any';
      readonly run: (value: Value, positional: readonly Value[], keywords: Keywords) => Value;
    };

export const filter = (run: (value: Value, ...values: Value[]) => Value, ...parameters: Parameter[]): Filter => ({
  parameters,
  run,
});
