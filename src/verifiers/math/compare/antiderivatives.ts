import { minus, modulus } from '../evaluate/complex.js';
import type { Node } from '../parse/ast.js';
import { type Context, free, type Outcome, sampledPairs } from './expressions.js';

const CONSTANT = /^(?:[CcKk](?:_.*|')?|const)$/;

/** Separates the constant in `x^2 + C`; undefined if there is none, or it also occurs elsewhere. */
function withoutConstant(node: Node): Node | undefined {
  if (node.kind !== 'add') return undefined;
  const names = node.items.flatMap((item) => (item.kind === 'symbol' && CONSTANT.test(item.name) ? [item.name] : []));
  const rest: Node = { ...node, items: node.items.filter((item) => item.kind !== 'symbol' || item.name !== names[0]) };
  const variables = free(rest);
  return names.length === 1 && variables.length > 0 && !variables.some((name) => CONSTANT.test(name))
    ? rest
    : undefined;
}

/** Antiderivatives with constants of any name are equal if they differ by a constant; undefined if they are none. */
export function compareAntiderivatives(gold: Node, answer: Node, context: Context): Outcome | undefined {
  const [g, a] = [withoutConstant(gold), withoutConstant(answer)];
  if (!g || !a) return undefined;
  const pairs = sampledPairs(g, a, context);
  const [first, ...others] = pairs.map((pair) => ({
    shift: minus(pair.answer.z, pair.gold.z),
    size: modulus(pair.gold.z),
  }));
  if (!first || others.length < 3) return 'unsure';
  return others.every(({ shift, size }) => modulus(minus(shift, first.shift)) <= 1e-9 * Math.max(1, size))
    ? 'yes'
    : 'no';
}
