import { TemplateError } from '../errors.js';
import { type Frame, reader } from '../frame.js';
import type { Arguments, CompareOperator, Expression, FilterExpression } from '../parse/ast.js';
import { binary, signed } from '../runtime/arithmetic.js';
import { attributeOf, itemOf, sliceOf } from '../runtime/attributes.js';
import { spendCharacters, spendSteps } from '../runtime/budget.js';
import { compare, isEqual, isIn } from '../runtime/compare.js';
import { applyFilter, applyTest, checkFilter, checkTest } from '../runtime/library.js';
import { textOf } from '../runtime/text.js';
import {
  Callable,
  Dict,
  defined,
  isTrue,
  iterate,
  type Keywords,
  Loop,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../runtime/values.js';
import { conditional, type Symbols, slotOf } from './symbols.js';

export type Evaluate = (frame: Frame) => Value;

/** An expression as a function of the variables. Names were resolved by the analysis of its block. */
export function compileExpression(node: Expression, symbols: Symbols): Evaluate {
  const evaluate = compileNode(node, symbols);
  return (frame) => {
    spendSteps();
    return evaluate(frame);
  };
}

function compileNode(node: Expression, symbols: Symbols): Evaluate {
  const sub = (child: Expression): Evaluate => compileExpression(child, symbols);
  switch (node.kind) {
    case 'const':
      return () => node.value;
    case 'name':
      return compileName(node.name, symbols);
    case 'list': {
      const items = node.items.map(sub);
      return (frame) => items.map((item) => item(frame));
    }
    case 'tuple': {
      const items = node.items.map(sub);
      return (frame) => new Tuple(items.map((item) => item(frame)));
    }
    case 'dict': {
      const entries = node.entries.map(([key, value]) => [sub(key), sub(value)] as const);
      return (frame) => new Dict(entries.map(([key, value]) => [key(frame), value(frame)] as const));
    }
    case 'conditional':
    case 'or':
    case 'and':
    case 'not':
      return compileLogic(node, symbols);
    case 'negative':
    case 'positive': {
      const operand = sub(node.operand);
      return (frame) => signed(operand(frame), node.kind === 'negative');
    }
    case 'binary': {
      const [left, right] = [sub(node.left), sub(node.right)];
      return (frame) => binary(node.operator, left(frame), right(frame));
    }
    case 'compare':
      return compileComparison(node, sub);
    case 'concat': {
      const parts = node.parts.map(sub);
      return (frame) =>
        parts
          .map((part) => part(frame))
          .map((value) => {
            const text = textOf(value);
            spendCharacters(text.length);
            return text;
          })
          .join('');
    }
    case 'attribute': {
      const object = sub(node.object);
      return (frame) => attributeOf(object(frame), node.name);
    }
    case 'item': {
      const [object, key] = [sub(node.object), sub(node.key)];
      return (frame) => itemOf(object(frame), key(frame));
    }
    case 'slice': {
      const object = sub(node.object);
      const bounds = node.bounds.map((bound) => bound && sub(bound));
      return (frame) =>
        sliceOf(
          object(frame),
          bounds.map((bound) => bound?.(frame)),
        );
    }
    case 'call':
      return compileCall(node, symbols);
    case 'filter':
      return compileFilter(node, symbols, undefined);
    case 'test': {
      checkTest(node.name, symbols.isConditional);
      const value = sub(node.value);
      const given = compileArguments(node.arguments, symbols);
      return (frame) => {
        const tested = value(frame);
        const { positional, keywords } = given(frame);
        return applyTest(node.name, tested, positional, keywords);
      };
    }
  }
}

/** What evaluates only some of its operands, and `not`. */
function compileLogic(
  node: Extract<Expression, { kind: 'conditional' | 'or' | 'and' | 'not' }>,
  symbols: Symbols,
): Evaluate {
  const sub = (child: Expression): Evaluate => compileExpression(child, symbols);
  switch (node.kind) {
    case 'conditional': {
      const inBranch = conditional(symbols);
      const [test, then] = [compileExpression(node.test, inBranch), compileExpression(node.value, inBranch)];
      const otherwise = node.else
        ? compileExpression(node.else, inBranch)
        : () => new Undefined('an inline if without else was false, so it has no value');
      return (frame) => (isTrue(test(frame)) ? then(frame) : otherwise(frame));
    }
    case 'or':
    case 'and': {
      const [left, right] = [sub(node.left), sub(node.right)];
      const stopsAt = node.kind === 'or';
      return (frame) => {
        const value = left(frame);
        return isTrue(value) === stopsAt ? value : right(frame);
      };
    }
    case 'not': {
      const operand = sub(node.operand);
      return (frame) => !isTrue(operand(frame));
    }
  }
}

function compileName(name: string, symbols: Symbols): Evaluate {
  const read = reader(slotOf(symbols, name), symbols.scope);
  return (frame) => {
    const value = read(frame);
    return value === undefined ? new Undefined(`${name} is undefined`) : value;
  };
}

const comparisons: Readonly<Record<CompareOperator, (a: Value, b: Value) => boolean>> = {
  '==': isEqual,
  '!=': (a, b) => !isEqual(a, b),
  '<': (a, b) => compare(a, b) < 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '>=': (a, b) => compare(a, b) >= 0,
  in: isIn,
  'not in': (a, b) => !isIn(a, b),
};

/** Python's chains: `a < b < c` is `a < b and b < c`, with `b` evaluated once. */
function compileComparison(
  node: Extract<Expression, { kind: 'compare' }>,
  sub: (child: Expression) => Evaluate,
): Evaluate {
  const first = sub(node.first);
  const rest = node.rest.map(([operator, operand]) => [comparisons[operator], sub(operand)] as const);
  return (frame) => {
    let left = first(frame);
    for (const [holds, operand] of rest) {
      const right = operand(frame);
      if (!holds(left, right)) return false;
      left = right;
    }
    return true;
  };
}

/**
 * A filter on its value, or on the text of the block around it.
 * @param block gives the text of the block
 */
export function compileFilter(node: FilterExpression, symbols: Symbols, block: Evaluate | undefined): Evaluate {
  checkFilter(node.name, symbols.isConditional);
  const value =
    node.value?.kind === 'filter'
      ? compileFilter(node.value, symbols, block)
      : node.value
        ? compileExpression(node.value, symbols)
        : block;
  if (!value) throw new TemplateError(`the filter ${node.name} has no value`);
  const given = compileArguments(node.arguments, symbols);
  return (frame) => {
    spendSteps();
    const filtered = value(frame);
    const { positional, keywords } = given(frame);
    return applyFilter(node.name, filtered, positional, keywords);
  };
}

interface Given {
  readonly positional: readonly Value[];
  readonly keywords: Keywords;
}

function compileArguments(node: Arguments, symbols: Symbols): (frame: Frame) => Given {
  const sub = (child: Expression): Evaluate => compileExpression(child, symbols);
  const positional = node.positional.map(sub);
  const keywords = node.keywords.map(([name, value]) => [name, sub(value)] as const);
  const spread = node.spread && sub(node.spread);
  const keywordSpread = node.keywordSpread && sub(node.keywordSpread);
  return (frame) => {
    const values = positional.map((value) => value(frame));
    const named = new Map(keywords.map(([name, value]) => [name, value(frame)]));
    if (spread) values.push(...iterate(spread(frame)));
    if (keywordSpread) spreadKeywords(named, keywordSpread(frame));
    return { positional: values, keywords: named };
  };
}

function spreadKeywords(named: Map<string, Value>, value: Value): void {
  if (!(value instanceof Dict)) throw new TemplateError(`** takes a dict, found ${typeName(defined(value))}`);
  for (const [key, item] of value.entries.values()) {
    if (typeof key !== 'string') throw new TemplateError('** takes a dict with text keys');
    if (named.has(key)) throw new TemplateError(`the argument ${key} is given twice`);
    named.set(key, item);
  }
}

/** @param caller the macro `caller` of a call block, given as a keyword */
export function compileCall(
  node: Extract<Expression, { kind: 'call' }>,
  symbols: Symbols,
  caller?: (frame: Frame) => Value,
): Evaluate {
  const callee = compileExpression(node.callee, symbols);
  const given = compileArguments(node.arguments, symbols);
  return (frame) => {
    const called = callee(frame);
    const { positional, keywords } = given(frame);
    return call(called, positional, caller ? new Map([...keywords, ['caller', caller(frame)]]) : keywords);
  };
}

function call(callee: Value, positional: readonly Value[], keywords: Keywords): Value {
  if (callee instanceof Callable) return callee.call(positional, keywords);
  if (callee instanceof Loop) {
    const [items] = positional;
    if (items === undefined || positional.length > 1 || keywords.size > 0)
      throw new TemplateError('loop takes what it repeats, one argument');
    if (!callee.recurse) throw new TemplateError('loop can be called only in a loop that is marked recursive');
    return callee.recurse(items, callee.depth0 + 1);
  }
  throw new TemplateError(`${typeName(defined(callee))} cannot be called`);
}
