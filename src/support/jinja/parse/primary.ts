import type { Arguments, Expression, FilterExpression } from './ast.js';
import { describe, type TokenStream } from './token-stream.js';

/** Tokens, and the expressions that parentheses, brackets and arguments contain. */
export interface Grammar {
  readonly tokens: TokenStream;
  expression(): Expression;
  /** The inside of parentheses: an expression, or a tuple. */
  parenthesized(): Expression;
}

/** Words that are values, by Jinja's and Python's spelling. */
export const constants: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

const noArguments: Arguments = { positional: [], keywords: [], spread: undefined, keywordSpread: undefined };

/** A name, literal, or what is in brackets. */
export function primary(grammar: Grammar): Expression {
  const { tokens } = grammar;
  const token = tokens.current;
  if (token.type === 'name') {
    tokens.next();
    const value = constants.get(token.value);
    return value === undefined ? { kind: 'name', name: token.value } : { kind: 'const', value };
  }
  if (token.type === 'string') {
    let value = '';
    for (let part = tokens.current; part.type === 'string'; part = tokens.current) {
      value += part.value;
      tokens.next();
    }
    return { kind: 'const', value };
  }
  if (token.type === 'integer' || token.type === 'float') {
    tokens.next();
    return { kind: 'const', value: token.value };
  }
  if (tokens.skip('(')) {
    const inner = grammar.parenthesized();
    tokens.expect(')');
    return inner;
  }
  if (tokens.skip('[')) return { kind: 'list', items: separated(tokens, ']', () => grammar.expression()) };
  if (tokens.skip('{')) return { kind: 'dict', entries: separated(tokens, '}', () => entry(grammar)) };
  return tokens.fail(`expected an expression, found ${describe(token)}`);
}

function entry({ tokens, expression }: Grammar): readonly [Expression, Expression] {
  const key = expression();
  tokens.expect(':');
  return [key, expression()];
}

/** Items with commas between them, and one after the last if they like. */
function separated<T>(tokens: TokenStream, close: string, item: () => T): T[] {
  const items: T[] = [];
  while (!tokens.is(close)) {
    if (items.length > 0) tokens.expect(',');
    if (tokens.is(close)) break;
    items.push(item());
  }
  tokens.expect(close);
  return items;
}

/** Attributes, items, slices and calls after a value. */
export function postfix(grammar: Grammar, start: Expression): Expression {
  const { tokens } = grammar;
  let node = start;
  for (;;) {
    if (tokens.skip('.')) node = attribute(tokens, node);
    else if (tokens.skip('[')) node = subscript(grammar, node);
    else if (tokens.is('(')) node = { kind: 'call', callee: node, arguments: callArguments(grammar) };
    else return node;
  }
}

function attribute(tokens: TokenStream, object: Expression): Expression {
  const token = tokens.next();
  if (token.type === 'name') return { kind: 'attribute', object, name: token.value };
  if (token.type === 'integer') return { kind: 'item', object, key: { kind: 'const', value: token.value } };
  return tokens.fail(`expected a name or a number after ".", found ${describe(token)}`);
}

function subscript(grammar: Grammar, object: Expression): Expression {
  const { tokens } = grammar;
  const keys: Expression[] = [];
  while (!tokens.is(']')) {
    if (keys.length > 0) tokens.expect(',');
    const key = tokens.is(':') ? undefined : grammar.expression();
    if (tokens.is(':')) {
      const bounds = sliceBounds(grammar, key);
      if (keys.length > 0 || !tokens.skip(']')) tokens.fail('a slice stands alone in its brackets');
      return { kind: 'slice', object, bounds };
    }
    if (key) keys.push(key);
  }
  tokens.expect(']');
  const [only] = keys;
  return { kind: 'item', object, key: keys.length === 1 && only ? only : { kind: 'tuple', items: keys } };
}

function sliceBounds({ tokens, expression }: Grammar, start: Expression | undefined): (Expression | undefined)[] {
  const bounds = [start];
  while (bounds.length < 3 && tokens.skip(':'))
    bounds.push(tokens.is(':') || tokens.is(']') || tokens.is(',') ? undefined : expression());
  return bounds;
}

export function callArguments({ tokens, expression }: Grammar): Arguments {
  tokens.expect('(');
  const positional: Expression[] = [];
  const keywords: [string, Expression][] = [];
  let spread: Expression | undefined;
  let keywordSpread: Expression | undefined;
  let isFirst = true;
  const ensure = (isValid: boolean): void => {
    if (!isValid) tokens.fail('arguments in an order that no call can have');
  };
  while (!tokens.is(')')) {
    if (!isFirst) {
      tokens.expect(',');
      if (tokens.is(')')) break;
    }
    isFirst = false;
    ensure(keywordSpread === undefined);
    if (tokens.skip('*')) {
      ensure(spread === undefined);
      spread = expression();
    } else if (tokens.skip('**')) keywordSpread = expression();
    else if (tokens.current.type === 'name' && isAssignment(tokens.following)) {
      const name = tokens.expectName();
      tokens.next();
      if (keywords.some(([other]) => other === name)) tokens.fail(`the argument ${name} is given twice`);
      keywords.push([name, expression()]);
    } else {
      ensure(spread === undefined && keywords.length === 0);
      positional.push(expression());
    }
  }
  tokens.expect(')');
  return { positional, keywords, spread, keywordSpread };
}

const isAssignment = (token: TokenStream['current']): boolean => token.type === 'operator' && token.value === '=';

/** A filter after its `|`. */
export function filter(grammar: Grammar, value: Expression | undefined): FilterExpression {
  return {
    kind: 'filter',
    value,
    name: dottedName(grammar.tokens),
    arguments: grammar.tokens.is('(') ? callArguments(grammar) : noArguments,
  };
}

/** Filters and tests after an operand. */
export function filterOrTest(grammar: Grammar, start: Expression): Expression {
  const { tokens } = grammar;
  let node = start;
  for (;;) {
    if (tokens.skip('|')) node = filter(grammar, node);
    else if (tokens.skip('is')) node = test(grammar, node);
    else if (tokens.is('(')) node = { kind: 'call', callee: node, arguments: callArguments(grammar) };
    else return node;
  }
}

function test(grammar: Grammar, value: Expression): Expression {
  const isNegated = grammar.tokens.skip('not');
  const name = dottedName(grammar.tokens);
  const node: Expression = { kind: 'test', value, name, arguments: testArguments(grammar) };
  return isNegated ? { kind: 'not', operand: node } : node;
}

/** A test's one argument may stand without parentheses: `x is divisibleby 3`. */
function testArguments(grammar: Grammar): Arguments {
  const { tokens } = grammar;
  if (tokens.is('(')) return callArguments(grammar);
  const { type } = tokens.current;
  const startsArgument =
    type === 'string' || type === 'integer' || type === 'float' || type === 'name' || tokens.is('[') || tokens.is('{');
  if (!startsArgument || tokens.is('else') || tokens.is('or') || tokens.is('and')) return noArguments;
  if (tokens.is('is')) tokens.fail('tests cannot be chained');
  return { ...noArguments, positional: [postfix(grammar, primary(grammar))] };
}

function dottedName(tokens: TokenStream): string {
  let name = tokens.expectName();
  while (tokens.skip('.')) name += `.${tokens.expectName()}`;
  return name;
}
