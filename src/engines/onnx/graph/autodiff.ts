import { at } from '../../../support/required.js';
import type { Builder, Gradient, SparseRows, Value } from './builder.js';

function isSparse(gradient: Gradient): gradient is SparseRows {
  return typeof gradient !== 'string';
}

/** The sum of all contributions to a gradient; those to single rows are added by one scatter, in a fixed order. */
function total(b: Builder, of: Value, contributions: readonly Gradient[]): Value {
  const dense = contributions.filter((part): part is Value => !isSparse(part));
  const sparse = contributions.filter(isSparse);
  const sum = dense.reduce<Value | undefined>((a, c) => (a === undefined ? c : b.node('Add', [a, c])), undefined);
  const [first, ...more] = sparse;
  if (!first) {
    if (sum === undefined) throw new Error(`${of} has no gradient: nothing that is differentiated depends on it`);
    return sum;
  }
  const join = (parts: readonly Value[]): Value =>
    parts.length === 1 ? at(parts, 0) : b.node('Concat', parts, { axis: 0 });
  const rows = join([first, ...more].map((part) => part.rows));
  const indices = join([first, ...more].map((part) => part.indices));
  const data = sum ?? b.node('Expand', [b.floats([0]), b.node('Shape', [of])]);
  const spread = b.node('Expand', [b.node('Unsqueeze', [indices, b.ints([1])]), b.node('Shape', [rows])]);
  // ScatterElements, since ScatterND adds repeated indices wrongly on several threads.
  return b.node('ScatterElements', [data, spread, rows], { axis: 0, reduction: 'add' });
}

/**
 * Reverse-mode differentiation: adds the nodes that compute dL/d(each of `parameters`).
 * @param from dL/d(value) for the values where differentiation starts
 * @returns gradients by parameter, in the order given
 */
export function gradients(
  b: Builder,
  from: readonly (readonly [value: Value, gradient: Value])[],
  parameters: readonly Value[],
): Map<Value, Value> {
  const collected = new Map<Value, Gradient[]>();
  const collect = (value: Value, gradient: Gradient): void => {
    const list = collected.get(value);
    if (list) list.push(gradient);
    else collected.set(value, [gradient]);
  };
  for (const [value, gradient] of from) collect(value, gradient);
  for (const { output, backward } of b.tape.toReversed()) {
    const parts = collected.get(output);
    if (!parts) continue;
    for (const [input, gradient] of backward(total(b, output, parts))) collect(input, gradient);
  }
  return new Map(parameters.map((parameter) => [parameter, total(b, parameter, collected.get(parameter) ?? [])]));
}
