import { type Node, ParseFailure } from './ast.js';
import type { Token } from './lexer.js';

const MAX_DEPTH = 60;

/** The parser's position, shared by the files of the grammar. */
export interface Cursor {
  tokens: readonly Token[];
  at: number;
  depth: number;
  /** Rules that refer to each other across files. */
  readonly grammar: Readonly<Record<'list' | 'relation' | 'sum' | 'postfix' | 'argument', (c: Cursor) => Node>>;
  /** Open absolute values: inside one, a bar is its end. */
  bars: number;
}

export const END: Token = { type: 'end', text: '', gap: false };
export const peek = (c: Cursor, ahead = 0): Token => c.tokens[c.at + ahead] ?? END;
export const isOperator = (token: Token, ...texts: string[]): boolean =>
  token.type === 'operator' && texts.includes(token.text);
export function take(c: Cursor, ...texts: string[]): boolean {
  if (!isOperator(peek(c), ...texts)) return false;
  c.at++;
  return true;
}
export function expect(c: Cursor, text: string): void {
  if (!take(c, text)) throw new ParseFailure(`'${text}' is missing`);
}
export function deeper<T>(c: Cursor, parse: () => T): T {
  if (++c.depth > MAX_DEPTH) throw new ParseFailure('the expression is nested too deeply');
  const result = parse();
  c.depth--;
  return result;
}
