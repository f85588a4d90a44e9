import { ANY, type Node, ParseFailure, type Relation, some } from './ast.js';
import { parseArgument, parseOver } from './atoms.js';
import { type Cursor, deeper, isOperator, peek, take } from './cursor.js';
import { parseFactors, parsePostfix } from './factors.js';
import { type Token, tokenize } from './lexer.js';

/**
 * Parses LaTeX or plain notation.
 * @throws ParseFailure if it cannot be read, or is too long or too deeply nested
 * @example parse('\frac12') // divide 1 by 2
 */
export function parse(text: string): Node {
  const grammar = {
    list: parseList,
    relation: parseRelation,
    sum: parseSum,
    postfix: (c: Cursor) => parsePostfix(c),
    argument: (c: Cursor) => parseArgument(c, true),
  };
  const tokens = tokenize(text);
  const aligned = tokens.some((token) => token.text.startsWith('begin:'));
  const cursor: Cursor = {
    tokens: aligned ? tokens : tokens.filter((token) => !isOperator(token, '&')),
    at: 0,
    depth: 0,
    bars: 0,
    grammar,
  };
  const node = parseOver(cursor, parseList(cursor));
  while (isOperator(peek(cursor), '.', ':', '?', '"') || peek(cursor).type === 'separator') cursor.at++;
  if (peek(cursor).type !== 'end') throw new ParseFailure('unexpected text after the expression');
  return node;
}

const isSeparator = (c: Cursor): boolean => peek(c).type === 'separator' || isOperator(peek(c), '\\\\');

const listEnds = (c: Cursor): boolean => {
  const token = peek(c);
  return (
    token.type === 'end' ||
    isOperator(token, ')', ']', '}', '\\}', '.', '?', '&') ||
    (token.type === 'command' && (token.text.startsWith('end:') || /^(?:rvert|rangle|over|choose)$/.test(token.text)))
  );
};

/** Items between separators. A semicolon binds less tightly than a comma, so `1,2;3,4` is two pairs. */
function parseList(c: Cursor): Node {
  return deeper(c, () => {
    const groups: Node[][] = [[]];
    let semicolons = false;
    let joint: 'and' | 'or' | undefined;
    while (!listEnds(c)) {
      if (isSeparator(c)) {
        const { text } = peek(c);
        if (text === ';' || text === 'or') {
          semicolons ||= text === ';';
          groups.push([]);
        }
        if (text === 'and' || text === 'or') joint ??= text;
        c.at++;
        continue;
      }
      const group = groups.at(-1);
      group?.push(continued(group.at(-1), parseRelation(c)));
      if (!listEnds(c) && !isSeparator(c)) throw new ParseFailure('two expressions without an operator between them');
    }
    const filled = groups.filter((items) => items.length > 0);
    if (filled.length === 0) throw new ParseFailure('there is no expression');
    if ((!semicolons && !assignments(filled)) || filled.length === 1) return bare(filled.flat(), joint);
    return bare(
      filled.map((items) => (items.length === 1 ? bare(items) : { kind: 'list', open: '(', close: ')', items })),
    );
  });
}

/** `x \ne 1, 2` excludes both values. */
function continued(before: Node | undefined, item: Node): Node {
  if (before?.kind !== 'relation' || before.relations.join() !== '!=' || item.kind === 'relation') return item;
  return { ...before, terms: [...before.terms.slice(0, 1), item] };
}

/** `p=5, q=2 or p=7, q=2`: both sides of "or" name the same unknowns. */
function assignments(groups: readonly (readonly Node[])[]): boolean {
  const names = groups.map((items) =>
    items.map((item) => {
      const left = item.kind === 'relation' && item.relations.join() === '=' ? item.terms[0] : undefined;
      return left?.kind === 'symbol' ? left.name : '';
    }),
  );
  const first = names[0] ?? [];
  return (
    first.length > 1 && new Set(first).size === first.length && names.every((other) => other.join() === first.join())
  );
}

function bare(items: readonly Node[], joint?: 'and' | 'or'): Node {
  const [only] = items;
  if (only && items.length === 1) return only;
  return { kind: 'list', open: '', close: '', items, ...(joint && { joint }) };
}

const NEGATED: Readonly<Record<string, Relation>> = { '=': '!=', in: 'other', '<': '>=', '>': '<=' };

/** Index of the next `=` outside brackets in this item, or -1. */
function nextEquals(c: Cursor): number {
  let depth = 0;
  for (let at = c.at; at < c.tokens.length; at++) {
    const token = c.tokens[at];
    if (!token || token.type === 'end' || (depth === 0 && token.type === 'separator')) return -1;
    if (isOperator(token, '(', '[', '{', '\\{')) depth++;
    else if (isOperator(token, ')', ']', '}', '\\}') && --depth < 0) return -1;
    else if (depth === 0 && token.type === 'relation' && token.text !== 'in' && token.text !== 'mid')
      return token.text === '=' || token.text === '≡' ? at : -1;
  }
  return -1;
}

/** A side of a relation. An unreadable left side of `=` is a label: `P(A|B) = 1/2`, `\lim_{x \to 0} x = 0`. */
function parseSide(c: Cursor): Node {
  const { tokens, at, depth, bars } = c;
  let failure: ParseFailure | undefined;
  try {
    const side = parseSet(c);
    const next = peek(c);
    const ends =
      next.type === 'relation' ? next.text !== 'mid' : listEnds(c) || isSeparator(c) || next.type === 'command';
    if (ends || isOperator(next, '|', ':')) return side;
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    failure = error;
  }
  Object.assign(c, { tokens, at, depth, bars });
  const equals = nextEquals(c);
  if (equals <= at) throw failure ?? new ParseFailure('two expressions without an operator between them');
  c.at = equals;
  return {
    kind: 'text',
    text: tokens
      .slice(at, equals)
      .map(({ text }) => text)
      .join(' '),
  };
}

/** `\pmod 5` after the right side of a congruence, or `3 \bmod 5` as that side. */
function residue(c: Cursor, right: Node, congruence: boolean): Node {
  if (congruence && right.kind === 'call' && right.name === 'modulo') return { ...right, name: 'residue' };
  if (peek(c).type !== 'command' || peek(c).text !== 'pmod') return right;
  c.at++;
  return { kind: 'call', name: 'residue', items: [right, parseArgument(c)], known: true };
}

const isNot = ({ type, text }: Token): boolean => type === 'command' && text === 'not';

function parseRelation(c: Cursor): Node {
  const terms: Node[] = [];
  const relations: Relation[] = [];
  let congruence = false;
  const leads = peek(c).type === 'relation' || isNot(peek(c));
  if (!leads) terms.push(residue(c, parseSide(c), false));
  else if (peek(c).text !== '=') terms.push({ kind: 'symbol', name: ANY });
  while (peek(c).type === 'relation' || isNot(peek(c))) {
    const negated = isNot(peek(c));
    if (negated) c.at++;
    const { text } = peek(c);
    if (text === 'mid') break;
    c.at++;
    congruence ||= text === '≡';
    const relation = (negated ? NEGATED[text] : text === '≡' ? '=' : text) as Relation | undefined;
    if (!relation) throw new ParseFailure('an unknown relation');
    while (isOperator(peek(c), '&', '\\\\')) c.at++;
    if (peek(c).type === 'relation') continue;
    // `= 5` means `5`.
    if (terms.length > 0) relations.push(relation);
    terms.push(residue(c, parseSide(c), congruence));
  }
  const [first] = terms;
  if (!first) throw new ParseFailure('a relation has no sides');
  return terms.length === 1 ? first : { kind: 'relation', terms, relations };
}

const SET_OPERATIONS: ReadonlyMap<string, 'union' | 'intersection' | 'minus'> = new Map(
  Object.entries({
    cup: 'union',
    bigcup: 'union',
    cap: 'intersection',
    setminus: 'minus',
    backslash: 'minus',
  }),
);

function parseSet(c: Cursor): Node {
  let left = parseRatio(c);
  for (;;) {
    const token = peek(c);
    const operation = token.type === 'command' ? SET_OPERATIONS.get(token.text) : undefined;
    if (!operation) return left;
    c.at++;
    left = { kind: 'setOperation', operation, left, right: parseRatio(c) };
  }
}

function parseRatio(c: Cursor): Node {
  const items = [parseSum(c)];
  while (isOperator(peek(c), ':') && peek(c, 1).type !== 'end') {
    c.at++;
    items.push(parseSum(c));
  }
  const [only] = items;
  return only && items.length === 1 ? only : { kind: 'ratio', items };
}

function parseSum(c: Cursor): Node {
  const items = [parseProduct(c)];
  for (;;) {
    const token = peek(c);
    if (take(c, '+')) items.push(parseProduct(c));
    else if (take(c, '-')) items.push({ kind: 'negate', item: parseProduct(c) });
    else if (token.type === 'command' && (token.text === 'pm' || token.text === 'mp')) {
      c.at++;
      items.push({ kind: token.text === 'pm' ? 'plusMinus' : 'minusPlus', item: parseProduct(c) });
    } else break;
  }
  const [only, other] = items;
  if (only && items.length === 1) return only;
  const without = other?.kind === 'negate' && items.length === 2 ? other.item : undefined;
  // `\mathbb{R} - \{1\}` removes points.
  if (only?.kind === 'symbol' && only.name.startsWith('\\set') && without?.kind === 'list')
    return { kind: 'setOperation', operation: 'minus', left: only, right: without };
  return { kind: 'add', items };
}

const isVector = (node: Node): boolean => node.kind === 'symbol' && node.name.startsWith('vec:');

function parseProduct(c: Cursor): Node {
  return deeper(c, () => {
    if (take(c, '+')) return parseProduct(c);
    if (take(c, '-')) return { kind: 'negate', item: parseProduct(c) };
    const token = peek(c);
    if (token.type === 'command' && (token.text === 'pm' || token.text === 'mp')) {
      c.at++;
      return { kind: token.text === 'pm' ? 'plusMinus' : 'minusPlus', item: parseProduct(c) };
    }
    let left = parseFactors(c);
    for (;;) {
      const operator = peek(c);
      const times =
        isOperator(operator, '*') || (operator.type === 'command' && ['times', 'cdot', 'ast'].includes(operator.text));
      const over = isOperator(operator, '/') || (operator.type === 'command' && operator.text === 'div');
      const modulo = operator.type === 'command' && /^b?mod$/.test(operator.text);
      if (!times && !over && !modulo) return left;
      c.at++;
      const right = take(c, '-') ? ({ kind: 'negate', item: parseFactors(c) } as const) : parseFactors(c);
      const cross = operator.text === 'times' && some(left, isVector) && some(right, isVector);
      if (cross) left = { kind: 'call', name: 'cross', items: [left, right], known: false };
      else if (modulo) left = { kind: 'call', name: 'modulo', items: [left, right], known: true };
      else left = over ? { kind: 'divide', left, right } : { kind: 'multiply', items: [left, right] };
    }
  });
}
