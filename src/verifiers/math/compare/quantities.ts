import { divide, ONE, type Rational } from '../evaluate/rational.js';
import { readUnit } from '../evaluate/units.js';
import { type Node, some } from '../parse/ast.js';
import { best, type Context, compareExpressions, type Outcome } from './expressions.js';

interface Quantity {
  readonly item: Node;
  readonly unit: string | undefined;
}

type Compare = (gold: Node, answer: Node, context: Context) => Outcome;

const scaled = (item: Node, value: Rational): Node =>
  value.n === value.d ? item : { kind: 'multiply', items: [{ kind: 'number', value, decimal: false }, item] };

/** A value with a unit or degrees, or a sum of such values, as in `1 hour 30 minutes`. */
export const isMeasured = (node: Node): boolean =>
  node.kind === 'degrees' || node.kind === 'unit' || (node.kind === 'add' && node.items.every(isMeasured));

const SCALES: ReadonlyMap<string, bigint> = new Map(
  Object.entries({
    thousand: 10n ** 3n,
    million: 10n ** 6n,
    billion: 10n ** 9n,
    trillion: 10n ** 12n,
  }),
);

function quantity(node: Node): Quantity {
  if (node.kind === 'degrees') return { item: node.item, unit: 'degree' };
  if (node.kind === 'unit') {
    const [first = '', ...rest] = node.unit
      .trim()
      .replace(/[.,;]+$/, '')
      .split(/\s+/);
    const scale = SCALES.get(first);
    if (scale) {
      const item = scaled(node.item, { n: scale, d: 1n });
      return rest.length === 0 ? { item, unit: undefined } : quantity({ kind: 'unit', item, unit: rest.join(' ') });
    }
    const unit = [first, ...rest].join(' ');
    if (node.item.kind === 'degrees') return { item: node.item.item, unit: `°${unit}` };
    if (/^deg(?:ree)?s?$/i.test(unit)) return { item: node.item, unit: 'degree' };
    return { item: node.item, unit: /^rad(?:ian)?s?$/i.test(unit) ? 'radian' : unit };
  }
  if (node.kind !== 'add' || !isMeasured(node)) return { item: node, unit: undefined };
  const parts = node.items.map(quantity);
  const units = parts.map(({ unit }) => (unit === undefined ? undefined : readUnit(unit)));
  const [first] = units;
  const items = parts.flatMap(({ item }, k) => {
    const share = units[k]?.dimension === first?.dimension && first && divide(units[k]?.factor ?? ONE, first.factor);
    return share ? [scaled(item, share)] : [];
  });
  return items.length === parts.length
    ? { item: { kind: 'add', items }, unit: parts[0]?.unit }
    : { item: node, unit: undefined };
}

/** Converts units of equal dimension and compares the rest with `compare`. A unit on one side only is understood. */
export function compareUnits(gold: Node, answer: Node, context: Context, compare: Compare): Outcome {
  const [g, a] = [quantity(gold), quantity(answer)];
  const plain = (): Outcome => compare(g.item, a.item, context);
  if (g.unit === a.unit) return plain();
  if ([g.unit, a.unit].includes('degree') && !g.unit?.startsWith('°') && !a.unit?.startsWith('°')) {
    const angle = inRadians(g) || inRadians(a) ? compareExpressions(radians(g), radians(a), context) : 'no';
    return g.unit === undefined || a.unit === undefined ? best([plain(), angle]) : angle;
  }
  if (g.unit === undefined || a.unit === undefined) return plain();
  const [goldUnit, answerUnit] = [readUnit(g.unit), readUnit(a.unit)];
  if (!goldUnit || !answerUnit) return plain();
  if (goldUnit.dimension !== answerUnit.dimension) return 'no';
  return compareExpressions(scaled(g.item, goldUnit.factor), scaled(a.item, answerUnit.factor), context);
}

/** A side without degrees is an angle if it has radians, \pi or an inverse function. */
const inRadians = ({ item, unit }: Quantity): boolean =>
  unit === 'radian' ||
  (unit === undefined &&
    some(
      item,
      (node) => (node.kind === 'symbol' && node.name === 'pi') || (node.kind === 'call' && node.name.startsWith('arc')),
    ));

const radians = ({ item, unit }: Quantity): Node => (unit === 'degree' ? { kind: 'degrees', item } : item);
