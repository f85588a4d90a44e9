import type { Node } from '../parse/ast.js';

export type ListNode = Extract<Node, { kind: 'list' }>;

export const isEllipsis = (node: Node): boolean => node.kind === 'symbol' && node.name === '\\ldots';
export const isBraced = (node: Node): boolean => node.kind === 'list' && node.open.endsWith('{');
export const isTuple = (node: Node): boolean => node.kind === 'list' && node.open === '(';

/** `[1,2]` and `(1,2]`; `(1,2)` may also be a pair. */
export const isInterval = ({ open, close, items }: ListNode): boolean =>
  items.length === 2 && (open === '[' || close === ']') && items.every(({ kind }) => kind !== 'list');
