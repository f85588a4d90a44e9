import { type Node, some } from '../parse/ast.js';
import { substitute } from './expressions.js';

type Rows = readonly (readonly Node[])[];
const MAX_SIZE = 12;

const add = (a: Node, b: Node): Node => ({ kind: 'add', items: [a, b] });
const times = (a: Node, b: Node): Node => ({ kind: 'multiply', items: [a, b] });
const mapped = (rows: Rows, f: (entry: Node) => Node): Rows => rows.map((row) => row.map(f));

/** The entries of a matrix expression; undefined if it is none or the shapes do not match. */
export function matrixOf(node: Node): Rows | undefined {
  if (!some(node, (inner) => inner.kind === 'matrix' || isTransposed(inner) || isNested(inner))) return undefined;
  switch (node.kind) {
    case 'list':
      return isNested(node) ? node.items.map((row) => (row.kind === 'list' ? row.items : [])) : undefined;
    case 'matrix': {
      const width = node.rows[0]?.length ?? 0;
      return node.rows.length <= MAX_SIZE && width <= MAX_SIZE && node.rows.every((row) => row.length === width)
        ? node.rows
        : undefined;
    }
    case 'negate': {
      const rows = matrixOf(node.item);
      return rows && mapped(rows, (item) => ({ kind: 'negate', item }));
    }
    case 'divide': {
      const rows = matrixOf(node.left);
      return rows && mapped(rows, (left) => ({ kind: 'divide', left, right: node.right }));
    }
    case 'power': {
      if (isTransposed(node) && node.left.kind === 'list') return node.left.items.map((item) => [item]);
      const rows = matrixOf(node.left);
      if (rows && isTransposed(node)) return (rows[0] ?? []).map((_, k) => rows.flatMap((row) => row[k] ?? []));
      if (rows && isInverse(node.right)) return inverse(rows);
      if (
        !rows ||
        node.right.kind !== 'number' ||
        node.right.value.d !== 1n ||
        node.right.value.n < 1n ||
        node.right.value.n > 4n
      )
        return undefined;
      let power: Rows | undefined = rows;
      for (let k = 1n; k < node.right.value.n; k++) power = power && product(power, rows);
      return power;
    }
    case 'add':
      return fold(node.items, (a, b) =>
        a.length === b.length && a[0]?.length === b[0]?.length
          ? a.map((row, i) => row.map((entry, j) => add(entry, b[i]?.[j] ?? entry)))
          : undefined,
      );
    case 'multiply': {
      const scalars = node.items.filter((item) => !some(item, (inner) => inner.kind === 'matrix'));
      const rows = fold(
        node.items.filter((item) => !scalars.includes(item)),
        product,
      );
      return rows && scalars.reduce<Rows>((scaled, scalar) => mapped(scaled, (entry) => times(scalar, entry)), rows);
    }
    default:
      return undefined;
  }
}

/** `A^T`, or a row written as a list and transposed. */
const isTransposed = (node: Node): boolean =>
  node.kind === 'power' && node.right.kind === 'symbol' && /^(?:T|\\top|\\intercal)$/.test(node.right.name);

/** `[[1,2],[3,4]]` */
const isNested = (node: Node): boolean =>
  node.kind === 'list' &&
  node.open === '[' &&
  node.items.length > 1 &&
  node.items.every(
    (row, _, [first]) =>
      row.kind === 'list' && row.open === '[' && first?.kind === 'list' && row.items.length === first.items.length,
  );

const isInverse = (node: Node): boolean =>
  node.kind === 'negate' && node.item.kind === 'number' && node.item.value.n === 1n && node.item.value.d === 1n;

/** By cofactors, for matrices up to 3 by 3. */
function inverse(rows: Rows): Rows | undefined {
  const size = rows.length;
  if (size > 3 || size < 2 || rows[0]?.length !== size) return undefined;
  const determinant = (of: Rows): Node => ({
    kind: 'call',
    name: 'determinant',
    items: [{ kind: 'matrix', rows: of }],
    known: true,
  });
  const whole = determinant(rows);
  return rows.map((_, i) =>
    rows.map((_, j): Node => {
      const minor = determinant(rows.filter((_, k) => k !== j).map((row) => row.filter((_, k) => k !== i)));
      return { kind: 'divide', left: (i + j) % 2 === 0 ? minor : { kind: 'negate', item: minor }, right: whole };
    }),
  );
}

const BASIS = ['hat:i', 'hat:j', 'hat:k'];

/** The components of `2\hat i + 3\hat j` as a column; undefined if the node has no unit vectors. */
export function componentsOf(node: Node, dimension: number): Rows | undefined {
  if (!some(node, (inner) => inner.kind === 'symbol' && BASIS.includes(inner.name)) || dimension > 3) return undefined;
  const only =
    (axis: string) =>
    (name: string): Node =>
      BASIS.includes(name)
        ? { kind: 'number', value: { n: name === axis ? 1n : 0n, d: 1n }, decimal: false }
        : { kind: 'symbol', name };
  return BASIS.slice(0, dimension).map((axis) => [substitute(node, only(axis))]);
}

function fold(items: readonly Node[], combine: (a: Rows, b: Rows) => Rows | undefined): Rows | undefined {
  const [first, ...rest] = items.map(matrixOf);
  return rest.reduce((left, right) => left && right && combine(left, right), first);
}

function product(a: Rows, b: Rows): Rows | undefined {
  if (a[0]?.length !== b.length) return undefined;
  return a.map((row) =>
    (b[0] ?? []).map(
      (_, j): Node => ({ kind: 'add', items: row.flatMap((entry, k) => (b[k]?.[j] ? [times(entry, b[k][j])] : [])) }),
    ),
  );
}
