import { type Node, ParseFailure } from './ast.js';
import { type Cursor, END, expect, isOperator, peek, take } from './cursor.js';
import { FRACTION } from './words.js';

/** `\int_a^b f dx`, after the command. Without bounds it is an unknown function of f. */
export function parseIntegral(c: Cursor): Node {
  const [from, to] = [
    take(c, '_') ? c.grammar.argument(c) : undefined,
    take(c, '^') ? c.grammar.argument(c) : undefined,
  ];
  let depth = 0;
  const end = c.tokens.findIndex((token, at) => {
    if (at < c.at) return false;
    if (isOperator(token, '(', '[', '{')) depth++;
    if (isOperator(token, ')', ']', '}')) depth--;
    return depth === 0 && token.type === 'symbol' && token.text === 'd' && c.tokens[at + 1]?.type === 'symbol';
  });
  const variable = c.tokens[end + 1];
  if (end < 0 || !variable) throw new ParseFailure('an integral without a variable');
  const inside: Cursor = { ...c, tokens: [...c.tokens.slice(0, end), END] };
  const body = c.grammar.sum(inside);
  if (inside.at !== end) throw new ParseFailure('an integrand that cannot be read to its end');
  c.at = end + 2;
  if (from && to) return { kind: 'bind', operation: 'integral', variable: variable.text, from, to, body };
  if (from || to) throw new ParseFailure('an integral with one bound');
  return { kind: 'call', name: `int ${variable.text}`, items: [body], known: false };
}

/** `\sum_{k=1}^n` and `\prod`, after the command. */
export function parseBind(c: Cursor, operation: 'sum' | 'product'): Node {
  let start: Node | undefined;
  let to: Node | undefined;
  for (;;) {
    if (take(c, '_')) {
      expect(c, '{');
      start = c.grammar.relation(c);
      expect(c, '}');
    } else if (take(c, '^')) to = c.grammar.argument(c);
    else break;
  }
  const [variable, from] = start?.kind === 'relation' ? start.terms : [];
  if (variable?.kind !== 'symbol' || !from || !to) throw new ParseFailure('a sum needs its bounds');
  const items = [c.grammar.postfix(c)];
  while (
    peek(c).type === 'symbol' ||
    peek(c).type === 'function' ||
    isOperator(peek(c), '(') ||
    (peek(c).type === 'command' && (/^(?:sqrt|binom)$/.test(peek(c).text) || FRACTION.test(peek(c).text)))
  )
    items.push(c.grammar.postfix(c));
  return {
    kind: 'bind',
    operation,
    variable: variable.name,
    from,
    to,
    body: items.length === 1 && items[0] ? items[0] : { kind: 'multiply', items },
  };
}
