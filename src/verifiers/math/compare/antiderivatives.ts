import { minus, modulus } from '../evaluate/complex.js';
import type { Node } from '../parse/ast.js';
import { type Context, free, type Outcome, sampledPairs } from './expressions.js';

const CONSTANT = /^(?:[CcKk](?:_.*|')?|const)$/;

const nameOf = (item: Node): string | undefined => {
  const bare = item.kind === 'negate' ? item.item : item;
  if (bare.kind === 'symbol') return CONSTANT.test(bare.name) ? bare.name : undefined;
  return bare.kind === 'text' && /^const(?:ant)?\.?$/i.test(bare.text) ? bare.text : undefined;
};

/** Separates the constant in `x^2 + C`; undefined if there is none, or it also occurs elsewhere. */
function withoutConstant(node: Node): Node | undefined {
  if (node.kind !== 'add') return undefined;
  const rest: Node = { ...node, items: node.items.filter((item) => nameOf(item) === undefined) };
  const variables = free(rest);
  const lone = rest.items.length === node.items.length - 1;
  return lone && variables.length > 0 && !variables.some((name) => CONSTANT.test(name)) ? rest : undefined;
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
