import { type Node, ParseFailure, type Relation } from './ast.js';
import { parseOver } from './atoms.js';
import { type Cursor, deeper, isOperator, peek, take } from './cursor.js';
import { parseFactors, parsePostfix } from './factors.js';
import { tokenize } from './lexer.js';

/**
 * The meaning of a text in LaTeX or plain notation.
 * @throws ParseFailure where it has none that is known here, or is too long or too deep.
 * @example parse('\\frac12') // divide 1 by 2
 */
export function parse(text: string): Node {
  const grammar = { list: parseList, relation: parseRelation, sum: parseSum, postfix: parsePostfix };
  const cursor: Cursor = { tokens: tokenize(text), at: 0, depth: 0, bars: 0, grammar };
  const node = parseOver(cursor, parseList(cursor));
  while (isOperator(peek(cursor), '.', ':', '?', '"') || peek(cursor).type === 'separator') cursor.at++;
  if (peek(cursor).type !== 'end') throw new ParseFailure('the expression does not end where it should');
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

/** Items between separators; a semicolon binds looser than a comma, so `1,2;3,4` is two pairs. */
function parseList(c: Cursor): Node {
  return deeper(c, () => {
    const groups: Node[][] = [[]];
    let semicolons = false;
    while (!listEnds(c)) {
      if (isSeparator(c)) {
        if (/^(?:;|or)$/.test(peek(c).text)) {
          semicolons ||= peek(c).text === ';';
          groups.push([]);
        }
        c.at++;
        continue;
      }
      groups.at(-1)?.push(parseRelation(c));
      if (!listEnds(c) && !isSeparator(c)) throw new ParseFailure('two expressions stand side by side');
    }
    const filled = groups.filter((items) => items.length > 0);
    if (filled.length === 0) throw new ParseFailure('there is no expression');
    if ((!semicolons && !assignments(filled)) || filled.length === 1) return bare(filled.flat());
    return bare(
      filled.map((items) => (items.length === 1 ? bare(items) : { kind: 'list', open: '(', close: ')', items })),
    );
  });
}

/** `p=5, q=2 or p=7, q=2`: each side of the "or" names the same unknowns. */
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

function bare(items: readonly Node[]): Node {
  const [only] = items;
  return only && items.length === 1 ? only : { kind: 'list', open: '', close: '', items };
}

const NEGATED: Readonly<Record<string, Relation>> = { '=': '!=', in: 'other', '<': '>=', '>': '<=' };

function parseRelation(c: Cursor): Node {
  const terms: Node[] = [];
  const relations: Relation[] = [];
  if (peek(c).type !== 'relation') terms.push(parseSet(c));
  while (peek(c).type === 'relation' || (peek(c).type === 'command' && peek(c).text === 'not')) {
    const negated = peek(c).text === 'not';
    if (negated) c.at++;
    const { text } = peek(c);
    if (text === 'mid') break;
    c.at++;
    const relation = (negated ? NEGATED[text] : text) as Relation | undefined;
    if (!relation) throw new ParseFailure('an unknown relation');
    while (isOperator(peek(c), '&', '\\\\')) c.at++;
    if (peek(c).type === 'relation') continue;
    // `= 5` says what `5` says.
    if (terms.length > 0) relations.push(relation);
    terms.push(parseSet(c));
  }
  const [first] = terms;
  if (!first) throw new ParseFailure('a relation has no sides');
  return terms.length === 1 ? first : { kind: 'relation', terms, relations };
}

const SET_OPERATIONS: Readonly<Record<string, 'union' | 'intersection' | 'minus'>> = {
  cup: 'union',
  bigcup: 'union',
  cap: 'intersection',
  setminus: 'minus',
  backslash: 'minus',
};

function parseSet(c: Cursor): Node {
  let left = parseRatio(c);
  for (;;) {
    const token = peek(c);
    const operation = token.type === 'command' ? SET_OPERATIONS[token.text] : undefined;
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
  // `\mathbb{R} - \{1\}` takes points away.
  if (only?.kind === 'symbol' && only.name.startsWith('\\set') && without?.kind === 'list')
    return { kind: 'setOperation', operation: 'minus', left: only, right: without };
  return { kind: 'add', items };
}

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
      if (modulo) left = { kind: 'call', name: 'modulo', items: [left, right], known: true };
      else left = over ? { kind: 'divide', left, right } : { kind: 'multiply', items: [left, right] };
    }
  });
}
