import { type Node, some } from './ast.js';
import { matrixOf } from './matrices.js';
import { letters, type Named, named, signs } from './normal.js';
import { multiply, parseDecimal } from './rational.js';
import { compareRelations } from './relations.js';
import { compareMembership, comparePieces, membership, pieces } from './sets.js';
import { all, best, type Context, compareExpressions, constant, type Outcome, sameNumber } from './values.js';
import { UNITS } from './words.js';

type ListNode = Extract<Node, { kind: 'list' }>;

/** Do two parsed texts say the same? The gold is trusted; what is not proven of the answer is unsure or no. */
export function compareNodes(gold: Node, answer: Node, context: Context): Outcome {
  const [goldSigns, answerSigns] = [spread(gold), spread(answer)];
  if (goldSigns !== gold || answerSigns !== answer) return compareNodes(goldSigns, answerSigns, context);
  if (gold.kind === 'relation' && answer.kind === 'relation') {
    const outcome = compareRelations(gold, answer, context);
    if (outcome === 'yes') return outcome;
  }
  const [g, a] = [named(gold), named(answer)];
  if (g.name !== undefined && a.name !== undefined && g.name !== a.name && context.strict) return 'no';
  if (g.value !== gold || a.value !== answer) return compareValues(g.value, a.value, context);
  return compareValues(gold, answer, context);
}

/** `a \pm b` as the list of its two values, in lists among the other items. */
function spread(node: Node): Node {
  if (!some(node, (inner) => inner.kind === 'plusMinus' || inner.kind === 'minusPlus')) return node;
  if (node.kind === 'list' && node.open !== '(' && node.open !== '[')
    return { ...node, items: node.items.flatMap(signs) };
  return { kind: 'list', open: '', close: '', items: signs(node) };
}

function compareValues(gold: Node, answer: Node, context: Context): Outcome {
  const [goldText, answerText] = [letters(gold), letters(answer)];
  if (goldText !== undefined && answerText !== undefined && (hasText(gold) || hasText(answer)))
    return sameText(goldText, answerText) ? 'yes' : 'no';
  const [goldMatrix, answerMatrix] = [matrixOf(gold), matrixOf(answer)];
  if (goldMatrix || answerMatrix) return compareMatrices(gold, answer, context);
  const structure = compareStructures(gold, answer, context);
  if (structure !== undefined) return structure;
  if (gold.kind === 'relation' || answer.kind === 'relation') return 'no';
  return compareQuantities(gold, answer, context);
}

const hasText = (node: Node): boolean => some(node, (inner) => inner.kind === 'text');
const sameText = (gold: string, answer: string): boolean =>
  gold === answer ||
  (gold.length > 1 && gold.toLowerCase().replaceAll(' ', '') === answer.toLowerCase().replaceAll(' ', ''));

function compareMatrices(gold: Node, answer: Node, context: Context): Outcome {
  const rowsOf = (node: Node): readonly (readonly Node[])[] | undefined =>
    node.kind === 'list' && node.open === '(' ? node.items.map((item) => [item]) : matrixOf(node);
  const [g, a] = [rowsOf(gold), rowsOf(answer)];
  if (!g || !a || g.length !== a.length) return 'no';
  return all(
    g.map((row, i) => {
      const other = a[i] ?? [];
      return row.length === other.length
        ? all(row.map((entry, j) => (other[j] ? compareNodes(entry, other[j], context) : 'no')))
        : 'no';
    }),
  );
}

/** Lists, sets, intervals and relations against sets; undefined where both sides are plain values. */
function compareStructures(gold: Node, answer: Node, context: Context): Outcome | undefined {
  const relational = (node: Node): boolean =>
    node.kind === 'relation' ||
    (node.kind === 'list' &&
      node.open === '' &&
      node.items.every((item) => item.kind === 'relation' && named(item).name === undefined));
  if (gold.kind === 'builder' || answer.kind === 'builder') {
    if (gold.kind === 'relation' && answer.kind !== 'builder') return undefined;
    return compareMembership(gold, answer, context);
  }
  const setLike = (node: Node): boolean =>
    node.kind === 'setOperation' || (node.kind === 'list' && node.open !== '') || node.kind === 'symbol';
  if (relational(gold) && setLike(answer))
    return membership(answer, context) ? compareMembership(gold, answer, context) : 'no';
  if (relational(answer) && setLike(gold))
    return context.allowSetRelation && membership(gold, context) ? compareMembership(gold, answer, context) : 'no';
  if (relational(gold) && relational(answer) && (gold.kind === 'list' || answer.kind === 'list')) {
    const outcome =
      gold.kind === 'list' && answer.kind === 'list' ? compareUnordered(gold.items, answer.items, context) : 'no';
    return outcome === 'yes' ? outcome : compareMembership(gold, answer, context);
  }
  const setSymbol = (node: Node): boolean =>
    node.kind === 'setOperation' || (node.kind === 'symbol' && (node.name === '\\setR' || node.name === 'emptyset'));
  if (setSymbol(gold) || setSymbol(answer)) {
    const [g, a] = [pieces(gold, context), pieces(answer, context)];
    if (g && a) return comparePieces(g, a, context);
    if (gold.kind === 'symbol' && answer.kind === 'symbol') return gold.name === answer.name ? 'yes' : 'no';
    if (gold.kind === 'setOperation' && answer.kind === 'setOperation' && gold.operation === answer.operation)
      return all([compareNodes(gold.left, answer.left, context), compareNodes(gold.right, answer.right, context)]);
    return 'no';
  }
  if (gold.kind === 'list' && answer.kind === 'list') return compareLists(gold, answer, context);
  if (gold.kind === 'list' || answer.kind === 'list') {
    const list = gold.kind === 'list' ? gold : answer;
    if (list.kind !== 'list' || list.open === '(' || list.open === '[') return 'no';
    const other = list === gold ? answer : gold;
    const wrapped: ListNode = { kind: 'list', open: '', close: '', items: [other] };
    return gold.kind === 'list'
      ? compareLists(gold, wrapped, context)
      : answer.kind === 'list'
        ? compareLists(wrapped, answer, context)
        : 'no';
  }
  return undefined;
}

function compareLists(gold: ListNode, answer: ListNode, context: Context): Outcome {
  const tuple = (list: ListNode): boolean => list.open === '(' || list.open === '[';
  if (!tuple(gold) && !tuple(answer)) return compareUnordered(gold.items, answer.items, context);
  if (tuple(gold) && tuple(answer)) {
    if (gold.open !== answer.open || gold.close !== answer.close) return 'no';
  } else if (!tuple(gold) && gold.items.length === 1 && gold.items[0])
    return compareNodes(gold.items[0], answer, context);
  else if (!tuple(answer) && answer.items.length === 1 && answer.items[0])
    return compareNodes(gold, answer.items[0], context);
  else if ((tuple(gold) ? answer : gold).open === '\\{') return 'no';
  return compareOrdered(gold.items, answer.items, context);
}

function compareOrdered(gold: readonly Node[], answer: readonly Node[], context: Context): Outcome {
  if (gold.length !== answer.length) return 'no';
  return all(gold.map((item, k) => (answer[k] ? compareNodes(item, answer[k], context) : 'no')));
}

/** `n = 1, 2, 3` names all three; names that are all the same say nothing. */
function values(items: readonly Node[]): readonly Named[] {
  const read = items.map(named);
  const names = new Set(read.flatMap((item) => (item.name === undefined ? [] : [item.name])));
  return names.size <= 1 ? read.map((item) => ({ ...item, name: undefined })) : read;
}

const stem = (name: string): string => name.replace(/_[^"]*/g, '_');

function compareUnordered(gold: readonly Node[], answer: readonly Node[], context: Context): Outcome {
  const [g, a] = [values(gold), values(answer)];
  const [goldNamed, answerNamed] = [
    g.some((item) => item.name !== undefined),
    a.some((item) => item.name !== undefined),
  ];
  const distinct = [...g, ...a].flatMap((item) => (item.name === undefined ? [] : [item.name]));
  // `AB = 4, CD = 5` against `4, 5`: the order says which is which, unless the names differ in an index alone.
  if (goldNamed !== answerNamed && new Set(distinct.map(stem)).size > 1)
    return compareOrdered(
      g.map((item) => item.value),
      a.map((item) => item.value),
      context,
    );
  const pairUp = (one: Named, other: Named): Outcome =>
    goldNamed && answerNamed && one.name !== other.name ? 'no' : compareNodes(one.value, other.value, context);
  const covered = (from: readonly Named[], by: readonly Named[], swap: boolean): Outcome =>
    all(from.map((one) => best(by.map((other) => (swap ? pairUp(other, one) : pairUp(one, other))))));
  if (gold.length * answer.length > 400) return 'unsure';
  return all([covered(g, a, false), covered(a, g, true)]);
}

/** Numbers and expressions, with their percent signs, units, bases and ratios. */
function compareQuantities(gold: Node, answer: Node, context: Context): Outcome {
  if (gold.kind === 'based' || answer.kind === 'based')
    return gold.kind === 'based' &&
      answer.kind === 'based' &&
      gold.base === answer.base &&
      gold.digits === answer.digits
      ? 'yes'
      : 'no';
  if (gold.kind === 'percent' || answer.kind === 'percent') {
    const bare = (node: Node): Node => (node.kind === 'percent' ? node.item : node);
    const both = compareExpressions(bare(gold), bare(answer), context);
    if (both === 'yes' || (gold.kind === 'percent' && answer.kind === 'percent')) return both;
    return best([both, compareExpressions(gold, answer, context)]);
  }
  if (gold.kind === 'ratio' && answer.kind === 'ratio') return compareRatios(gold.items, answer.items, context);
  if (gold.kind === 'degrees' || answer.kind === 'degrees' || gold.kind === 'unit' || answer.kind === 'unit')
    return compareUnits(gold, answer, context);
  return compareExpressions(gold, answer, context);
}

function compareRatios(gold: readonly Node[], answer: readonly Node[], context: Context): Outcome {
  if (gold.length !== answer.length) return 'no';
  const [g, a] = [gold.map((item) => constant(item, context)), answer.map((item) => constant(item, context))];
  const nonZero = [...g, ...a].every((value) => value && (value.z.re !== 0 || value.z.im !== 0));
  if (!nonZero) return compareOrdered(gold, answer, context);
  const quotients = (items: readonly Node[]): readonly Node[] =>
    items.slice(1).map((right) => ({ kind: 'divide', left: items[0] ?? right, right }));
  return compareOrdered(quotients(gold), quotients(answer), context);
}

interface Quantity {
  readonly item: Node;
  readonly unit: string | undefined;
}

function quantity(node: Node): Quantity {
  if (node.kind === 'degrees') return { item: node.item, unit: 'degree' };
  if (node.kind === 'unit') return { item: node.item, unit: node.unit.trim().replace(/[.,;]+$/, '') };
  return { item: node, unit: undefined };
}

/** A unit on one side alone is taken as understood; two known units must measure the same thing and are converted. */
function compareUnits(gold: Node, answer: Node, context: Context): Outcome {
  const [g, a] = [quantity(gold), quantity(answer)];
  const plain = compareNodes(g.item, a.item, context);
  if (g.unit === undefined || a.unit === undefined) {
    const angle = g.unit === 'degree' || a.unit === 'degree' ? compareAngles(gold, answer, context) : 'no';
    return best([plain, angle]);
  }
  if (g.unit === a.unit) return plain;
  const [goldPower, answerPower] = [/\^(\d+)$/.exec(g.unit)?.[1] ?? '1', /\^(\d+)$/.exec(a.unit)?.[1] ?? '1'];
  const [goldUnit, answerUnit] = [UNITS[g.unit.replace(/\^.*$/, '')], UNITS[a.unit.replace(/\^.*$/, '')]];
  if (!goldUnit || !answerUnit) return plain;
  if (goldUnit.dimension !== answerUnit.dimension || goldPower !== answerPower) return 'no';
  const scaled = (node: Node, factor: string, times: string) => {
    const value = constant(node, context);
    const one = parseDecimal(factor);
    if (!value || !one) return undefined;
    let exact = value.exact;
    for (let k = 0; k < Math.min(Number(times), 9); k++) exact = exact && multiply(exact, one);
    return exact && { exact, z: { re: Number(exact.n) / Number(exact.d), im: 0 } };
  };
  const [goldValue, answerValue] = [
    scaled(g.item, goldUnit.factor, goldPower),
    scaled(a.item, answerUnit.factor, answerPower),
  ];
  if (!goldValue || !answerValue) return 'unsure';
  return sameNumber(goldValue, answerValue, false, context.precision) ? 'yes' : 'no';
}

/** 90 degrees is \pi/2, where the side without degrees says \pi. */
function compareAngles(gold: Node, answer: Node, context: Context): Outcome {
  const radians = gold.kind === 'degrees' ? answer : gold;
  return some(radians, (node) => node.kind === 'symbol' && node.name === 'pi')
    ? compareExpressions(gold, answer, context)
    : 'no';
}
