import type { Node } from '../parse/ast.js';

export type ListNode = Extract<Node, { kind: 'list' }>;

export const isEllipsis = (node: Node): boolean => node.kind === 'symbol' && node.name === '\\ldots';
export const isBraced = (node: Node): boolean => node.kind === 'list' && node.open.endsWith('{');
export const isTuple = (node: Node): boolean => node.kind === 'list' && node.open === '(';

/** `[1,2]` and `(1,2]`; `(1,2)` may also be a pair. */
export const isInterval = ({ open, close, items }: ListNode): boolean =>
  items.length === 2 && (open === '[' || close === ']') && items.every(({ kind }) => kind !== 'list');

/** The longest progression that is written out. */
const MAX_TERMS = 100n;

const wholeOf = (node: Node): bigint | undefined => {
  if (node.kind === 'negate') {
    const value = wholeOf(node.item);
    return value === undefined ? undefined : -value;
  }
  return node.kind === 'number' && node.value.d === 1n ? node.value.n : undefined;
};

/** `1, 2, \ldots, 10` written out, if it is an arithmetic progression of whole numbers. */
export function withoutEllipsis(items: readonly Node[]): readonly Node[] {
  const at = items.findIndex(isEllipsis);
  const known = items.filter((item) => !isEllipsis(item)).map(wholeOf);
  const [first, second, last] = [known[0], known[1], known.at(-1)];
  if (at < 2 || items.length - known.length !== 1 || first === undefined || second === undefined || last === undefined)
    return items;
  const step = second - first;
  if (step === 0n || (last - first) % step !== 0n) return items;
  const count = (last - first) / step + 1n;
  if (count < BigInt(known.length) || count > MAX_TERMS) return items;
  const terms = Array.from({ length: Number(count) }, (_, k) => first + BigInt(k) * step);
  const fits = known.every((value, k) => value === (k < at ? terms[k] : terms[terms.length - known.length + k]));
  return fits ? terms.map((n): Node => ({ kind: 'number', value: { n, d: 1n }, decimal: false })) : items;
}
