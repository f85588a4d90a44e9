import type { BinaryOperator, CompareOperator, Expression, FilterExpression, Target } from './ast.js';
import { constants, filter, filterOrTest, type Grammar, postfix, primary } from './primary.js';
import { describe, type TokenStream } from './token-stream.js';

// Jinja's expression grammar. Its precedences are not Python's: `~` binds tighter than `+`, and `-x|f` filters -x.

export const grammarOf = (tokens: TokenStream): Grammar => {
  const grammar: Grammar = {
    tokens,
    expression: () => tokens.nested(() => conditional(grammar)),
    parenthesized: () => tuple(grammar, { parentheses: true }),
  };
  return grammar;
};

function conditional(grammar: Grammar): Expression {
  const { tokens } = grammar;
  let result = or(grammar);
  while (tokens.skip('if')) {
    const test = or(grammar);
    result = tokens.skip('else')
      ? { kind: 'conditional', test, value: result, else: grammar.expression() }
      : { kind: 'conditional', test, value: result };
  }
  return result;
}

type Operand = (grammar: Grammar) => Expression;

/** Operands with left-associative operators between them. */
function binary(
  grammar: Grammar,
  operators: readonly string[],
  operand: Operand,
  make: (operator: string, left: Expression, right: Expression) => Expression,
): Expression {
  const { tokens } = grammar;
  let left = operand(grammar);
  for (;;) {
    const operator = operators.find((one) => tokens.is(one));
    if (operator === undefined) return left;
    tokens.next();
    left = make(operator, left, operand(grammar));
  }
}

const arithmetic = (operator: string, left: Expression, right: Expression): Expression => ({
  kind: 'binary',
  operator: operator as BinaryOperator,
  left,
  right,
});

const or: Operand = (grammar) => binary(grammar, ['or'], and, (_, left, right) => ({ kind: 'or', left, right }));
const and: Operand = (grammar) => binary(grammar, ['and'], not, (_, left, right) => ({ kind: 'and', left, right }));
const not: Operand = (grammar) =>
  grammar.tokens.skip('not')
    ? { kind: 'not', operand: grammar.tokens.nested(() => not(grammar)) }
    : comparison(grammar);
const sum: Operand = (grammar) => binary(grammar, ['+', '-'], concat, arithmetic);
const product: Operand = (grammar) => binary(grammar, ['*', '/', '//', '%'], power, arithmetic);
const power: Operand = (grammar) => binary(grammar, ['**'], (inner) => unary(inner, true), arithmetic);

function comparison(grammar: Grammar): Expression {
  const { tokens } = grammar;
  const first = sum(grammar);
  const rest: [CompareOperator, Expression][] = [];
  for (;;) {
    const operator = (['==', '!=', '<', '<=', '>', '>=', 'in'] as const).find((one) => tokens.is(one));
    const { following } = tokens;
    const isNotIn = operator === undefined && tokens.is('not') && following.type === 'name' && following.value === 'in';
    if (operator === undefined && !isNotIn) break;
    tokens.next();
    if (isNotIn) tokens.next();
    rest.push([operator ?? 'not in', sum(grammar)]);
  }
  return rest.length === 0 ? first : { kind: 'compare', first, rest };
}

function concat(grammar: Grammar): Expression {
  const parts = [product(grammar)];
  while (grammar.tokens.skip('~')) parts.push(product(grammar));
  const [only] = parts;
  return parts.length === 1 && only ? only : { kind: 'concat', parts };
}

function unary(grammar: Grammar, isFiltered: boolean): Expression {
  const { tokens } = grammar;
  const sign = tokens.is('-') ? 'negative' : tokens.is('+') ? 'positive' : undefined;
  if (sign) tokens.next();
  const start: Expression = sign
    ? { kind: sign, operand: tokens.nested(() => unary(grammar, false)) }
    : primary(grammar);
  const operand = postfix(grammar, start);
  return isFiltered ? filterOrTest(grammar, operand) : operand;
}

export interface TupleOptions {
  /** Without a trailing `if`, which would be a condition: the iterable of a loop. */
  readonly isConditional?: boolean;
  /** A name that ends it. */
  readonly until?: string;
  /** Whether it may be empty. */
  readonly parentheses?: boolean;
}

/** An expression, or several with commas: a tuple. */
export function tuple(grammar: Grammar, options: TupleOptions = {}): Expression {
  const { isConditional = true, until, parentheses = false } = options;
  const { tokens } = grammar;
  const { items, isTuple } = commaSeparated(tokens, until, () =>
    isConditional ? grammar.expression() : tokens.nested(() => or(grammar)),
  );
  const [only] = items;
  if (!isTuple && only) return only;
  if (!isTuple && !parentheses) tokens.fail(`expected an expression, found ${describe(tokens.current)}`);
  return { kind: 'tuple', items };
}

function commaSeparated<T>(tokens: TokenStream, until: string | undefined, item: () => T) {
  const items: T[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) tokens.expect(',');
    const { type } = tokens.current;
    const isEnd = type === 'variable-end' || type === 'block-end' || tokens.is(')');
    if (isEnd || (until !== undefined && tokens.is(until))) break;
    items.push(item());
    if (!tokens.is(',')) break;
    isTuple = true;
  }
  return { items, isTuple };
}

export interface TargetOptions {
  /** Whether attributes of namespaces are targets. */
  readonly members?: boolean;
  readonly until?: string;
}

/** What is assigned to. */
export function target(tokens: TokenStream, { members = false, until }: TargetOptions = {}): Target {
  const { items, isTuple } = commaSeparated(tokens, until, () => oneTarget(tokens, members));
  const [only] = items;
  if (only && !isTuple) return only;
  return items.length > 0
    ? { kind: 'tuple', items }
    : tokens.fail(`expected a name, found ${describe(tokens.current)}`);
}

function oneTarget(tokens: TokenStream, members: boolean): Target {
  if (tokens.skip('(')) {
    const inner = tokens.nested(() => target(tokens));
    tokens.expect(')');
    return inner;
  }
  const name = tokens.expectName();
  if (constants.has(name)) return tokens.fail(`cannot assign to ${name}`);
  if (members && tokens.skip('.')) return { kind: 'member', name, attribute: tokens.expectName() };
  return { kind: 'name', name };
}

/** The filters of a block: without a value, or with `|` before the first. */
export function blockFilters(grammar: Grammar): FilterExpression | undefined {
  let node: FilterExpression | undefined;
  while (grammar.tokens.skip('|')) node = filter(grammar, node);
  return node;
}

/** The filters of `{% filter … %}`. */
export function filterTag(grammar: Grammar): FilterExpression {
  let node = filter(grammar, undefined);
  while (grammar.tokens.skip('|')) node = filter(grammar, node);
  return node;
}
