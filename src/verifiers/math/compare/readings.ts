import { required } from '../../../support/required.js';
import { minus, modulus } from '../evaluate/complex.js';
import { type Node, some, symbols } from '../parse/ast.js';
import { type Context, compareExpressions, constant, free, hasDecimal, rename } from './expressions.js';
import { letters, signs } from './normal.js';

// Implied meanings: each function returns the node that is meant, or its argument if nothing is implied.

/** `a = b = 1` as `a = 1, b = 1`, if the other side lists several values. */
export function unchained(node: Node, other: Node): Node {
  if (node.kind !== 'relation' || node.terms.length < 3 || other.kind !== 'list' || other.items.length < 2) return node;
  const value = node.terms.at(-1);
  const names = node.terms.slice(0, -1);
  const chain = value && free(value).length === 0 && node.relations.every((relation) => relation === '=');
  if (!chain || !names.every((name) => name.kind === 'symbol')) return node;
  const items = names.map((name): Node => ({ kind: 'relation', terms: [name, value], relations: ['='] }));
  return { kind: 'list', open: '', close: '', items };
}

/** `C(5,2)` and `P(5,2)` as numbers, if the other side is no point. */
export function counted(node: Node, other: Node): Node {
  const [name, point] = node.kind === 'relation' && node.relations.join() === '=' ? node.terms : [];
  if (name?.kind !== 'symbol' || !/^[CP]$/.test(name.name) || point?.kind !== 'list' || point.open !== '(') return node;
  const [n, k] = point.items;
  const whole = (item: Node | undefined): item is Node =>
    item?.kind === 'number' && !item.decimal && item.value.d === 1n;
  if (!whole(n) || !whole(k) || point.items.length !== 2 || /^(?:list|relation|matrix)$/.test(other.kind)) return node;
  const ways: Node = { kind: 'call', name: 'binomial', items: [n, k], known: true };
  const orders: Node = { kind: 'call', name: 'factorial', items: [k], known: true };
  return name.name === 'C' ? ways : { kind: 'multiply', items: [ways, orders] };
}

export const hasSigns = (node: Node): boolean =>
  some(node, (inner) => inner.kind === 'plusMinus' || inner.kind === 'minusPlus');

/** `k \in \mathbb{Z}`: the domain of a name. */
const isDomain = (node: Node): boolean =>
  node.kind === 'relation' &&
  node.relations.join() === 'in' &&
  node.terms[1]?.kind === 'symbol' &&
  node.terms[1].name.startsWith('\\set');

/** Drops a domain that the other side does not state, and uses the other side's constant of integration. */
export function bareOf(node: Node, other: Node): Node {
  const constantNames = [node, other].map((one) => symbols(one).filter((name) => name === 'C' || name === 'c'));
  if (constantNames.join() === 'c,C') return rename(node, new Map([['c', 'C']]));
  if (node.kind !== 'list' || node.open !== '' || some(other, isDomain)) return node;
  const items = node.items.filter((item) => !isDomain(item));
  if (items.length === node.items.length || items.length === 0) return node;
  const [only] = items;
  return only && items.length === 1 ? only : { ...node, items };
}

/** Maximum distance of the rounded value in `x = 1/3 \approx 0.33` from the exact one before it. */
const ROUNDING = 0.02;

/** Drops a final decimal that only rounds the value before it. */
export function unrounded(node: Node, context: Context): Node {
  if (
    node.kind !== 'relation' ||
    node.terms.length < 2 ||
    !/^[=~]$/.test(required(node.relations.at(-1), 'relation between two terms'))
  )
    return node;
  const [before, last] = node.terms.slice(-2);
  if (!before || !last || hasDecimal(before) || !hasDecimal(last)) return node;
  const [exact, rounded] = [constant(before, context)?.z, constant(last, context)?.z];
  if (!exact || !rounded || modulus(minus(exact, rounded)) > ROUNDING * modulus(exact)) return node;
  return node.terms.length === 2
    ? before
    : { ...node, terms: node.terms.slice(0, -1), relations: node.relations.slice(0, -1) };
}

/** The last side of an identity such as `x^2-1 = (x-1)(x+1)`. */
export function identityValue(node: Node, context: Context): Node {
  if (node.kind !== 'relation' || !node.relations.every((relation) => relation === '=')) return node;
  const last = node.terms.at(-1);
  const others = node.terms.slice(0, -1);
  return last && others.every((term) => compareExpressions(term, last, context) === 'yes') ? last : node;
}

/** Sets written in words. */
const SPOKEN: ReadonlyMap<string, string> = new Map(
  Object.entries({
    allrealnumbers: '\\setR',
    allreals: '\\setR',
    allintegers: '\\setZ',
    allpositiveintegers: '\\setZpositive',
  }),
);

export function spokenSet(node: Node): Node {
  if (node.kind !== 'text' && node.kind !== 'multiply') return node;
  const said = letters(node)?.toLowerCase().replaceAll(' ', '');
  const name = said && SPOKEN.get(said);
  return !name ? node : { kind: 'symbol', name };
}

export const isEmptySet = (node: Node): boolean =>
  (node.kind === 'symbol' && node.name === 'emptyset') ||
  (node.kind === 'list' && node.open.endsWith('{') && node.items.length === 0) ||
  /^no(?:real)?solutions?(?:exists?)?$/.test(letters(node)?.toLowerCase().replaceAll(' ', '') ?? '');

/** `a \pm b` as the list of its two values, in lists among the other items. */
export function spread(node: Node, independent: boolean): Node {
  if (!hasSigns(node)) return node;
  if (node.kind === 'list' && node.open !== '(' && node.open !== '[')
    return { ...node, items: node.items.flatMap((item) => signs(item, independent)) };
  return { kind: 'list', open: '', close: '', items: signs(node, independent) };
}
