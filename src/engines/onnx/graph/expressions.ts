import type { Expressions } from '../../../losses/expressions.js';
import type { Builder, Value } from './builder.js';

/**
 * A loss's arithmetic as nodes of a graph. In float64 for what is reported: `exp(d) - d - 1` of a small `d` keeps no
 * digit in float32.
 */
export function expressions(b: Builder, precision: 'float32' | 'float64'): Expressions<Value> {
  const constant = (value: number, dims?: readonly number[]): Value =>
    precision === 'float32' ? b.floats([value], dims) : b.doubles([value], dims);
  const binary =
    (op: string) =>
    (x: Value, y: Value): Value =>
      b.node(op, [x, y]);
  const unary =
    (op: string) =>
    (x: Value): Value =>
      b.node(op, [x]);
  return {
    constant,
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    min: binary('Min'),
    max: binary('Max'),
    neg: unary('Neg'),
    exp: unary('Exp'),
    log: unary('Log'),
    clip: (x, low, high) => b.node('Clip', [x, constant(low, []), constant(high, [])]),
    lessOrEqual: binary('LessOrEqual'),
    equal: binary('Equal'),
    where: (condition, yes, no) => b.node('Where', [condition, yes, no]),
    sumLast: (x) => b.node('ReduceSum', [x, b.ints([-1])], { keepdims: 0 }),
    expandLast: (x) => b.node('Unsqueeze', [x, b.ints([-1])]),
  };
}
