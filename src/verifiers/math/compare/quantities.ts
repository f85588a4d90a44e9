import { divide, type Rational } from '../evaluate/rational.js';
import { leadingUnit, type ReadUnit, scaleOf } from '../evaluate/units.js';
import { type Node, some } from '../parse/ast.js';
import { all, best, type Context, compareExpressions, type Outcome } from './expressions.js';

interface Quantity {
  readonly item: Node;
  readonly unit: string | undefined;
  /** Parts that do not add up, as in `3 boys 4 girls`. */
  readonly parts?: readonly Node[];
}

type Compare = (gold: Node, answer: Node, context: Context) => Outcome;

const scaled = (item: Node, value: Rational): Node =>
  value.n === value.d ? item : { kind: 'multiply', items: [{ kind: 'number', value, decimal: false }, item] };

/** A value with a unit or degrees, or a sum of such values, as in `1 hour 30 minutes`. */
export const isMeasured = (node: Node): boolean =>
  node.kind === 'degrees' || node.kind === 'unit' || (node.kind === 'add' && node.items.every(isMeasured));

function quantity(node: Node): Quantity {
  if (node.kind === 'degrees') return { item: node.item, unit: 'degree' };
  if (node.kind === 'unit') {
    const [first = '', ...rest] = node.unit
      .trim()
      .replace(/[.,;]+$/, '')
      .split(/\s+/);
    const scale = scaleOf(first);
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
  const units = parts.map(({ unit }) => (unit === undefined ? undefined : leadingUnit(unit)));
  const [first] = units;
  const items = parts.flatMap(({ item }, k) => {
    const own = units[k];
    const share = first && own?.dimension === first.dimension && !own.offset && divide(own.factor, first.factor);
    return share ? [scaled(item, share)] : [];
  });
  if (items.length === parts.length) return { item: { kind: 'add', items }, unit: parts[0]?.unit };
  const same = parts.every(({ unit }) => unit !== undefined && unit === parts[0]?.unit);
  return same
    ? { item: { kind: 'add', items: parts.map(({ item }) => item) }, unit: parts[0]?.unit }
    : { item: node, unit: undefined, parts: node.items };
}

/** Converts units of equal dimension and compares the rest with `compare`. A unit on one side only is understood. */
export function compareUnits(gold: Node, answer: Node, context: Context, compare: Compare): Outcome {
  const [g, a] = [quantity(gold), quantity(answer)];
  if (g.parts || a.parts) return compareParts(g.parts, a.parts, context, compare);
  const plain = (): Outcome => compare(g.item, a.item, context);
  if (g.unit === a.unit) return plain();
  if ([g.unit, a.unit].includes('degree') && !g.unit?.startsWith('°') && !a.unit?.startsWith('°')) {
    if (g.unit !== undefined && a.unit !== undefined && ![g.unit, a.unit].includes('radian')) return 'no';
    const angle = inRadians(g) || inRadians(a) ? compareExpressions(radians(g), radians(a), context) : 'no';
    return g.unit === undefined || a.unit === undefined ? best([plain(), angle]) : angle;
  }
  if (g.unit === undefined || a.unit === undefined || isDegree(g.unit, a.unit)) return plain();
  const [goldUnit, answerUnit] = [leadingUnit(g.unit), leadingUnit(a.unit)];
  if (!goldUnit || !answerUnit)
    return isGeneric(g.unit) || isGeneric(a.unit) || (!goldUnit && !answerUnit && noun(g.unit) === noun(a.unit))
      ? plain()
      : 'no';
  if (isPound(g.unit, answerUnit.dimension) || isPound(a.unit, goldUnit.dimension)) return plain();
  if (goldUnit.dimension !== answerUnit.dimension) return 'no';
  return compareExpressions(inBaseUnit(g.item, goldUnit), inBaseUnit(a.item, answerUnit), context);
}

function inBaseUnit(item: Node, { factor, offset }: ReadUnit): Node {
  const value = offset?.n
    ? ({ kind: 'add', items: [item, { kind: 'number', value: offset, decimal: false }] } as const)
    : item;
  return scaled(value, factor);
}

/** `3 boys 4 girls`: the same parts in any order. */
function compareParts(
  gold: readonly Node[] | undefined,
  answer: readonly Node[] | undefined,
  context: Context,
  compare: Compare,
): Outcome {
  if (!gold || !answer || gold.length !== answer.length || gold.length > 8) return 'no';
  const left = [...answer];
  return all(
    gold.map((part) => {
      const { unit } = quantity(part);
      const at = left.findIndex((other) => noun(quantity(other).unit ?? '') === noun(unit ?? ''));
      const [other] = at < 0 ? [] : left.splice(at, 1);
      return other ? compareUnits(part, other, context, compare) : 'no';
    }),
  );
}

/** A bare degree may be one of temperature. */
const isDegree = (gold: string, answer: string): boolean =>
  [gold, answer].includes('degree') && [gold, answer].some((unit) => unit.startsWith('°'));

const isPound = (unit: string, dimension: string): boolean => /^pounds?$/.test(unit) && dimension === 'gbp^1';
const isGeneric = (unit: string): boolean => /^(?:square |cubic |sq\.? |cu\.? )?units?(?:\^?[23])?$/i.test(unit);

/**
 * The head of a noun phrase in the singular: `different ways` and `ways` are the same, `apples` and `oranges` are not.
 */
function noun(phrase: string): string {
  const [words = ''] = phrase.toLowerCase().split(/\b(?:of|in|for|that|which|from|with|per|altogether|total)\b/);
  const head = words.match(/[a-z]+/g)?.at(-1) ?? phrase.trim();
  return head.replace(/ies$/, 'y').replace(/(?<=s|x|ch|sh)es$|(?<!s)s$/, '');
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
