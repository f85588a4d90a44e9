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
 * Parses an environment after its \begin{name} up to \end{name}: a matrix, or a list of rows.
 * @throws ParseFailure if the environment is unknown, empty or not closed
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
    if (peek(c).type === 'end') throw new ParseFailure('an environment is not closed');
    if (take(c, '\\\\')) {
      const last = rows.at(-1)?.at(-1);
      // A row that begins with a relation continues the row above.
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
  // A column of equations or a single cell is layout, not a matrix.
  if (only && name === 'array' && filled.flat().length === 1) return only;
  if (name === 'array' && filled.flat().every((cell) => cell.kind === 'relation'))
    return { kind: 'list', open: '', close: '', items: filled.flat() };
  const node: Node = { kind: 'matrix', rows: filled };
  return name.startsWith('v') ? { kind: 'call', name: 'determinant', items: [node], known: true } : node;
}
