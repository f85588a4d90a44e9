import type { Rational } from '../evaluate/rational.js';

export type Relation = '=' | '!=' | '<' | '<=' | '>' | '>=' | '~' | 'in' | 'other';

/** The meaning of a text: a value or a structure of values. */
export type Node =
  /** `decimal`: written with a decimal point, so it may be rounded. */
  | { readonly kind: 'number'; readonly value: Rational; readonly decimal: boolean }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'add' | 'multiply'; readonly items: readonly Node[] }
  | { readonly kind: 'divide' | 'power'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'negate' | 'degrees' | 'percent' | 'plusMinus' | 'minusPlus'; readonly item: Node }
  /** A known function, or an unknown one such as f(x) and F_{n-1}. */
  | { readonly kind: 'call'; readonly name: string; readonly items: readonly Node[]; readonly known: boolean }
  /** A finite sum or product, or a definite integral, over a variable. */
  | {
      readonly kind: 'bind';
      readonly operation: 'sum' | 'product' | 'integral';
      readonly variable: string;
      readonly from: Node;
      readonly to: Node;
      readonly body: Node;
    }
  | { readonly kind: 'unit'; readonly item: Node; readonly unit: string }
  | { readonly kind: 'based'; readonly digits: string; readonly base: number }
  | { readonly kind: 'ratio'; readonly items: readonly Node[] }
  /** `open` and `close` as written. A bare list has neither, but may have the word between its items. */
  | {
      readonly kind: 'list';
      readonly open: '' | '(' | '[' | '{' | '\\{';
      readonly close: string;
      readonly items: readonly Node[];
      readonly joint?: 'and' | 'or';
    }
  | {
      readonly kind: 'setOperation';
      readonly operation: 'union' | 'intersection' | 'minus';
      readonly left: Node;
      readonly right: Node;
    }
  | { readonly kind: 'builder'; readonly variable: string; readonly condition: Node }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Node[])[] }
  | { readonly kind: 'relation'; readonly terms: readonly Node[]; readonly relations: readonly Relation[] }
  | { readonly kind: 'text'; readonly text: string };

/** The missing left side of `> 5`. */
export const ANY = '\\any';

/** The text cannot be read, or is too large. */
export class ParseFailure extends Error {
  constructor(message: string) {
    // Common: capturing a stack would cost more than parsing.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
  }
}

/** The child nodes. */
export function children(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'number':
    case 'symbol':
    case 'based':
    case 'text':
      return [];
    case 'add':
    case 'multiply':
    case 'call':
    case 'ratio':
    case 'list':
      return node.items;
    case 'divide':
    case 'power':
    case 'setOperation':
      return [node.left, node.right];
    case 'negate':
    case 'degrees':
    case 'percent':
    case 'plusMinus':
    case 'minusPlus':
    case 'unit':
      return [node.item];
    case 'bind':
      return [node.from, node.to, node.body];
    case 'builder':
      return [node.condition];
    case 'matrix':
      return node.rows.flat();
    case 'relation':
      return node.terms;
  }
}

/** Whether the node or any descendant passes the test. */
export function some(node: Node, test: (node: Node) => boolean): boolean {
  return test(node) || children(node).some((child) => some(child, test));
}

export const isImaginary = (node: Node): boolean => node.kind === 'symbol' && node.name === 'i';

/** The free symbols in order of first appearance. */
export function symbols(node: Node, into: string[] = []): string[] {
  if (node.kind === 'symbol' && !into.includes(node.name)) into.push(node.name);
  if (node.kind === 'bind') {
    const free = [node.from, node.to].flatMap((bound) => symbols(bound));
    free.push(...symbols(node.body).filter((name) => name !== node.variable));
    for (const name of free) if (!into.includes(name)) into.push(name);
    return into;
  }
  for (const child of children(node)) symbols(child, into);
  return into;
}
