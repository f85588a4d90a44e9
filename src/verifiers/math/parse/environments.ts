import { type Node, ParseFailure, type Relation } from './ast.js';
import { type Cursor, isOperator, peek, take } from './cursor.js';

function continued(above: Node, c: Cursor): Node {
  const relation = peek(c).text as Relation;
  const below = c.grammar.relation(c);
  const [left, right] = [above, below].map((node) =>
    node.kind === 'relation' ? node : { terms: [node], relations: [] },
  );
  return {
    kind: 'relation',
    terms: [...(left?.terms ?? []), ...(right?.terms ?? [])],
    relations: [...(left?.relations ?? []), relation, ...(right?.relations ?? [])],
  };
}

/**
 * What stands between \begin{name} and \end{name}, after the begin: a matrix, or the list of its rows.
 * @throws ParseFailure where the environment is unknown, empty or does not end.
 */
export function parseEnvironment(c: Cursor, name: string): Node {
  const matrix = /^(?:[pbvBV]?(?:small)?matrix|array)\*?$/.test(name);
  if (!matrix && !/^(?:[rd]?cases|align|aligned|eqnarray|equation|gather|gathered|split)\*?$/.test(name))
    throw new ParseFailure('an unknown environment');
  if (!matrix && name !== 'cases') {
    const end = c.tokens.findIndex((token, k) => k >= c.at && token.text.startsWith('end:'));
    c.tokens = c.tokens.filter((token, k) => k < c.at || k > end || !isOperator(token, '&'));
  }
  const rows: Node[][] = [[]];
  while (!peek(c).text.startsWith('end:')) {
    if (peek(c).type === 'end') throw new ParseFailure('an environment does not end');
    if (take(c, '\\\\')) {
      const last = rows.at(-1)?.at(-1);
      // A row that begins with a relation goes on with the row above.
      if (!matrix && last && peek(c).type === 'relation') {
        const chain = continued(last, c);
        rows.at(-1)?.splice(-1, 1, chain);
      } else rows.push([]);
    } else if (!take(c, '&', '.') && !(peek(c).type === 'separator' && ++c.at))
      rows.at(-1)?.push(c.grammar.relation(c));
  }
  c.at++;
  const filled = rows.filter((row) => row.length > 0);
  if (filled.length === 0) throw new ParseFailure('an empty environment');
  if (!matrix) return { kind: 'list', open: '', close: '', items: filled.flat() };
  const [[only] = []] = filled;
  // A column of equations, or one cell, is laid out, not multiplied.
  if (only && name === 'array' && filled.flat().length === 1) return only;
  if (name === 'array' && filled.flat().every((cell) => cell.kind === 'relation'))
    return { kind: 'list', open: '', close: '', items: filled.flat() };
  const node: Node = { kind: 'matrix', rows: filled };
  return name.startsWith('v') ? { kind: 'call', name: 'determinant', items: [node], known: true } : node;
}
