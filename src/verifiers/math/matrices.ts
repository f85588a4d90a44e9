import { type Node, some } from './ast.js';

type Rows = readonly (readonly Node[])[];
const MAX_SIZE = 12;

const add = (a: Node, b: Node): Node => ({ kind: 'add', items: [a, b] });
const times = (a: Node, b: Node): Node => ({ kind: 'multiply', items: [a, b] });
const mapped = (rows: Rows, f: (entry: Node) => Node): Rows => rows.map((row) => row.map(f));

/** The entries of an expression of matrices, worked out; undefined where it is none, or the shapes do not fit. */
export function matrixOf(node: Node): Rows | undefined {
  if (!some(node, (inner) => inner.kind === 'matrix')) return undefined;
  switch (node.kind) {
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
      const transposed = node.right.kind === 'symbol' && node.right.name === 'T';
      const rows = matrixOf(node.left);
      if (rows && transposed) return (rows[0] ?? []).map((_, k) => rows.flatMap((row) => row[k] ?? []));
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
