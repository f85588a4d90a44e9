import { ANY, children, type Node, some, symbols } from '../parse/ast.js';
import { free } from './expressions.js';

/** A value and its name, as in `x = 5`. */
export interface Named {
  readonly name: string | undefined;
  readonly value: Node;
}

/** Names, labels and applications such as f(x), AB or S:T that may introduce an answer. */
function names(node: Node): boolean {
  switch (node.kind) {
    case 'symbol':
      return node.name !== 'e' && node.name !== 'pi' && node.name !== 'i' && node.name !== 'infinity';
    case 'text':
      return true;
    case 'call':
      return node.known ? node.items.every((item) => names(item)) : true;
    case 'multiply':
    case 'ratio':
      return node.items.every(names);
    case 'list':
      return node.items.length > 0 && node.items.every(names);
    case 'divide':
      return names(node.left) && names(node.right);
    case 'unit':
      return names(node.item);
    // P(X = 1), n(A \cup B), a column of unknowns
    case 'relation':
      return true;
    case 'setOperation':
      return names(node.left) && names(node.right);
    case 'matrix':
      return node.rows.every((row) => row.every(names));
    default:
      return false;
  }
}

export const nameOf = (node: Node): string =>
  JSON.stringify(node, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/** Reads `x = v`, `v = x`, `x \in S` and `a = b = v` as a named value. Anything else is a value without a name. */
export function named(node: Node): Named {
  if (node.kind !== 'relation') return { name: undefined, value: node };
  const [first] = node.terms;
  const last = node.terms.at(-1);
  if (!first || !last) return { name: undefined, value: node };
  if (first.kind === 'symbol' && first.name === ANY) return { name: undefined, value: node };
  if (node.relations.length === 1 && node.relations[0] === 'in' && !isSet(last))
    return { name: undefined, value: node };
  if (node.relations.length === 1 && node.relations[0] === 'in')
    return { name: names(first) ? nameOf(first) : undefined, value: names(first) ? last : node };
  if (!node.relations.every((relation) => relation === '=' || relation === '~')) {
    // `f(x) = (x+1)^2 >= 0` and the like: not an assignment.
    return { name: undefined, value: node };
  }
  if (names(first) && !mentions(last, first)) return { name: nameOf(first), value: last };
  if (node.terms.length === 2 && names(last) && free(first).length === 0 && !(last.kind === 'multiply'))
    return { name: nameOf(last), value: first };
  if (node.terms.length > 2 || node.terms.every((term) => free(term).length === 0))
    return { name: undefined, value: last };
  return { name: undefined, value: node };
}

/** What a name can be an element of. */
const isSet = (node: Node): boolean =>
  /^(?:list|setOperation|builder)$/.test(node.kind) ||
  (node.kind === 'symbol' && /^(?:\\set|emptyset|[A-Z])/.test(node.name)) ||
  node.kind === 'text';

const mentions = (node: Node, name: Node): boolean => {
  if (symbols(node).length === 0) return false;
  const key = nameOf(name);
  return some(node, (inner) => inner.kind === name.kind && nameOf(inner) === key);
};

const isSign = (node: Node): boolean => node.kind === 'plusMinus' || node.kind === 'minusPlus';
const count = (node: Node, test: (node: Node) => boolean): number =>
  children(node).reduce((sum, child) => sum + count(child, test), test(node) ? 1 : 0);
const MAX_SIGNS = 4;

/**
 * Every reading of the signs in `a \pm b`: all upper signs, then all lower signs. With `independent`, each sign is
 * chosen separately, unless the expression contains a `\mp` or more than four signs.
 */
export function signs(node: Node, independent: boolean): readonly Node[] {
  const signed = count(node, isSign);
  if (signed === 0) return [node];
  if (!independent || signed > MAX_SIGNS || some(node, (inner) => inner.kind === 'minusPlus'))
    return [resolve(node, () => true), resolve(node, () => false)];
  return Array.from({ length: 2 ** signed }, (_, choice) => {
    let at = 0;
    return resolve(node, () => ((choice >> at++) & 1) === 0);
  });
}

function resolve(node: Node, upper: () => boolean): Node {
  const again = (inner: Node): Node => resolve(inner, upper);
  switch (node.kind) {
    case 'plusMinus':
    case 'minusPlus':
      return (node.kind === 'plusMinus') === upper() ? again(node.item) : { kind: 'negate', item: again(node.item) };
    case 'add':
    case 'multiply':
    case 'call':
    case 'list':
    case 'ratio':
      return { ...node, items: node.items.map(again) };
    case 'divide':
    case 'power':
      return { ...node, left: again(node.left), right: again(node.right) };
    case 'negate':
    case 'degrees':
    case 'percent':
    case 'unit':
      return { ...node, item: again(node.item) };
    case 'relation':
      return { ...node, terms: node.terms.map(again) };
    default:
      return node;
  }
}

/** Part of a text such as `June 5`. */
const worded = (node: Node): string | undefined =>
  node.kind === 'number' && !node.decimal ? String(node.value.n) : letters(node);

/** The letters of `\text{odd}`, `odd` or `(A)`. */
export function letters(node: Node): string | undefined {
  switch (node.kind) {
    case 'text':
      return node.text
        .replace(/[().:]/g, ' ')
        .replace(/\s+/g, ' ')
        .trim();
    case 'symbol':
      return node.name;
    case 'multiply':
    case 'unit': {
      const parts = node.kind === 'unit' ? [letters(node.item), node.unit] : node.items.map(worded);
      return parts.every((part) => part !== undefined) ? parts.join('') : undefined;
    }
    case 'list':
      return node.items.length === 1 && node.items[0] ? letters(node.items[0]) : undefined;
    default:
      return undefined;
  }
}

/** `n = 1, 2, 3` names all three. Names that are all equal are ignored. */
export function values(items: readonly Node[]): readonly Named[] {
  const read = items.map(named);
  const names = new Set(read.flatMap((item) => (item.name === undefined ? [] : [item.name])));
  return names.size <= 1 ? read.map((item) => ({ ...item, name: undefined })) : read;
}
