import { TemplateError } from '../errors.js';
import type { Token } from './lexer.js';

/** Nesting of expressions and blocks that is parsed. */
const MAX_DEPTH = 100;

export interface TokenStream {
  readonly current: Token;
  readonly following: Token;
  next(): Token;
  /** Whether the current token is this name or operator. */
  is(value: string): boolean;
  /** Consumes the name or operator if it is next. */
  skip(value: string): boolean;
  expect(value: string): Token;
  expectType(type: Token['type']): Token;
  expectName(): string;
  fail(message: string): never;
  /** Runs a parser one level deeper. */
  nested<T>(parse: () => T): T;
}

/** A cursor over tokens. Names and operators are told apart by their characters alone. */
export function tokenStream(tokens: readonly Token[]): TokenStream {
  let position = 0;
  let depth = 0;
  const at = (index: number): Token => tokens[Math.min(index, tokens.length - 1)] ?? { type: 'end', line: 0 };
  const fail = (message: string): never => {
    throw new TemplateError(`line ${at(position).line}: ${message}`);
  };
  const is = (value: string): boolean => {
    const token = at(position);
    return (token.type === 'name' || token.type === 'operator') && token.value === value;
  };
  const next = (): Token => at(position++);
  return {
    get current() {
      return at(position);
    },
    get following() {
      return at(position + 1);
    },
    next,
    is,
    skip: (value) => is(value) && Boolean(next()),
    expect: (value) => (is(value) ? next() : fail(`expected ${value}, found ${describe(at(position))}`)),
    expectType: (type) =>
      at(position).type === type ? next() : fail(`expected ${type}, found ${describe(at(position))}`),
    expectName() {
      const token = at(position);
      if (token.type !== 'name') return fail(`expected a name, found ${describe(token)}`);
      position++;
      return token.value;
    },
    fail,
    nested(parse) {
      if (++depth > MAX_DEPTH) fail(`expressions and blocks are nested deeper than ${MAX_DEPTH}`);
      const result = parse();
      depth--;
      return result;
    },
  };
}

export function describe(token: Token): string {
  return 'value' in token ? String(token.value) : token.type === 'end' ? 'the end of the template' : token.type;
}
