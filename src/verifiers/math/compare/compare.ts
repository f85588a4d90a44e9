import { ANY, type Node, some } from '../parse/ast.js';
import { compareAntiderivatives } from './antiderivatives.js';
import {
  all,
  best,
  type Context,
  compareExpressions,
  constant,
  free,
  hasDecimal,
  type Outcome,
  rename,
} from './expressions.js';
import { isBraced, isEllipsis, isInterval, isTuple, type ListNode, withoutEllipsis } from './lists.js';
import { componentsOf, matrixOf } from './matrices.js';
import { compareMembership, membership } from './membership.js';
import { letters, type Named, named, values } from './normal.js';
import { compareUnits, isMeasured } from './quantities.js';
import {
  bareOf,
  counted,
  hasSigns,
  identityValue,
  isEmptySet,
  spokenSet,
  spread,
  unchained,
  unrounded,
} from './readings.js';
import { compareRelations } from './relations.js';
import { comparePieces, NAMED_SETS, pieces } from './sets.js';
import { solves } from './systems.js';

/**
 * Compares a parsed reference with a parsed answer. The reference is trusted; what is not shown of the answer is unsure
 * or no.
 */
export function compareNodes(gold: Node, answer: Node, context: Context): Outcome {
  if (hasSigns(gold) || hasSigns(answer))
    return best(
      [false, true].map((independent) => compareNodes(spread(gold, independent), spread(answer, independent), context)),
    );
  if (isBound(gold) || isBound(answer)) return compareBounds(gold, answer, context);
  const antiderivatives = compareAntiderivatives(gold, answer, context);
  if (antiderivatives !== undefined) return antiderivatives;
  const [goldBare, answerBare] = [bareOf(gold, answer), bareOf(answer, gold)];
  if (goldBare !== gold || answerBare !== answer) return compareNodes(goldBare, answerBare, context);
  const [goldExact, answerExact] = [unrounded(gold, context), unrounded(answer, context)];
  if (goldExact !== gold || answerExact !== answer)
    return best([gold, goldExact].flatMap((g) => [answer, answerExact].map((a) => compareSettled(g, a, context))));
  return compareSettled(gold, answer, context);
}

/** `> 5`: a relation without its left side. */
const isBound = (node: Node): node is Extract<Node, { kind: 'relation' }> =>
  node.kind === 'relation' && node.terms[0]?.kind === 'symbol' && node.terms[0].name === ANY;

/** A bound answers only a bound or a relation of one variable, unless it is a decimal that `≈` rounds. */
function compareBounds(gold: Node, answer: Node, context: Context): Outcome {
  const rounded = (node: Node, other: Node): Node => {
    const value = isBound(node) && node.relations.join() === '~' ? node.terms[1] : undefined;
    return value && hasDecimal(value) && !hasDecimal(other) ? value : node;
  };
  const [g, a] = [rounded(gold, answer), rounded(answer, gold)];
  if (g !== gold || a !== answer) return compareNodes(g, a, context);
  if (g.kind !== 'relation' || a.kind !== 'relation') return 'no';
  const [variable, ...others] = [...new Set([...free(g), ...free(a)])].filter((name) => name !== ANY);
  if (others.length > 0) return 'no';
  const names = new Map([[ANY, variable ?? 'x']]);
  const [left, right] = [rename(g, names), rename(a, names)];
  return left.kind === 'relation' && right.kind === 'relation' ? compareRelations(left, right, context) : 'no';
}

function compareSettled(goldSide: Node, answerSide: Node, context: Context): Outcome {
  const [gold, answer] = [unchained(goldSide, answerSide), unchained(answerSide, goldSide)];
  if (gold.kind === 'relation' && answer.kind === 'relation') {
    const outcome = compareRelations(gold, answer, context);
    if (outcome === 'yes') return outcome;
  }
  const [goldCount, answerCount] = [counted(gold, answer), counted(answer, gold)];
  if (goldCount !== gold || answerCount !== answer) return compareSettled(goldCount, answerCount, context);
  if (solves(gold, answer, context)) return 'yes';
  const [g, a] = [named(gold), named(answer)];
  if (g.name !== undefined && a.name !== undefined && g.name !== a.name && context.strict) return 'no';
  if (isResidue(g.value) || isResidue(a.value)) return compareResidues(g, a, context);
  return compareValues(g.value, a.value, context);
}

const isResidue = (node: Node): node is Extract<Node, { kind: 'call' }> =>
  node.kind === 'call' && node.name === 'residue';

/** Residues of one modulus; a bare number answers `3 \pmod 5` and is answered by it, but not `x \equiv 3 \pmod 5`. */
function compareResidues(gold: Named, answer: Named, context: Context): Outcome {
  const [g, a] = [gold.value, answer.value];
  if (!isResidue(g) || !isResidue(a)) {
    if (isResidue(g) && gold.name !== undefined) return 'no';
    const [left, right] = [g, a].map((node) => (isResidue(node) ? (node.items[0] ?? node) : node));
    return left && right ? compareValues(left, right, context) : 'no';
  }
  const [[x, m], [y, n]] = [g.items, a.items];
  if (!x || !m || !y || !n) return 'no';
  const modulus = compareNodes(m, n, context);
  const [left, right, by] = [constant(x, context)?.exact, constant(y, context)?.exact, constant(m, context)?.exact];
  if (modulus !== 'yes' || !left || !right || !by || by.n === 0n) return all([modulus, compareNodes(x, y, context)]);
  return left.d === 1n && right.d === 1n && (left.n - right.n) % by.n === 0n ? 'yes' : 'no';
}

function compareValues(gold: Node, answer: Node, context: Context): Outcome {
  const [goldSet, answerSet] = [spokenSet(gold), spokenSet(answer)];
  if (goldSet !== gold || answerSet !== answer) return compareValues(goldSet, answerSet, context);
  if (isEmptySet(gold) && isEmptySet(answer)) return 'yes';
  const [goldText, answerText] = [letters(gold), letters(answer)];
  if (goldText !== undefined && answerText !== undefined && (hasText(gold) || hasText(answer)))
    return sameText(goldText, answerText) ? 'yes' : 'no';
  const isMatrix = (node: Node, other: Node): boolean =>
    matrixOf(node) !== undefined || componentsOf(node, heightOf(other)) !== undefined;
  if (isMatrix(gold, answer) || isMatrix(answer, gold)) return compareMatrices(gold, answer, context);
  const structure = compareStructures(gold, answer, context);
  if (structure !== undefined) return structure;
  const [goldValue, answerValue] = [identityValue(gold, context), identityValue(answer, context)];
  if (goldValue !== gold || answerValue !== answer) return compareValues(goldValue, answerValue, context);
  if (gold.kind === 'relation' || answer.kind === 'relation') return 'no';
  return compareQuantities(gold, answer, context);
}

const hasText = (node: Node): boolean => some(node, (inner) => inner.kind === 'text');
const sameText = (gold: string, answer: string): boolean =>
  gold === answer ||
  (gold.length > 1 && gold.toLowerCase().replaceAll(' ', '') === answer.toLowerCase().replaceAll(' ', ''));

function compareMatrices(gold: Node, answer: Node, context: Context): Outcome {
  const rowsOf = (node: Node, other: Node): readonly (readonly Node[])[] | undefined =>
    node.kind === 'list' && node.open === '('
      ? node.items.map((item) => [item])
      : (matrixOf(node) ?? componentsOf(node, heightOf(other)));
  const [g, a] = [rowsOf(gold, answer), rowsOf(answer, gold)];
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

/** The components of a vector; undefined if it is none. */
const heightOf = (node: Node): number => matrixOf(node)?.length ?? (node.kind === 'list' ? node.items.length : 3);

/** Compares lists, sets, intervals and relations; undefined if both sides are plain values. */
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
    const joints = gold.kind === 'list' && answer.kind === 'list' && (gold.joint === 'or') === (answer.joint === 'or');
    const outcome = joints ? compareUnordered(gold, answer, context) : 'no';
    return outcome === 'yes' ? outcome : compareMembership(gold, answer, context);
  }
  const setSymbol = (node: Node): boolean =>
    node.kind === 'setOperation' || (node.kind === 'symbol' && NAMED_SETS.has(node.name));
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
  if (!tuple(gold) && !tuple(answer)) {
    const ordered = [...gold.items, ...answer.items].some(isEllipsis);
    return ordered
      ? compareOrdered(withoutEllipsis(gold.items), withoutEllipsis(answer.items), context)
      : compareUnordered(gold, answer, context);
  }
  if (tuple(gold) && tuple(answer)) {
    if (gold.open !== answer.open || gold.close !== answer.close) return 'no';
  } else if (!tuple(gold) && gold.items.length === 1 && gold.items[0])
    return compareNodes(gold.items[0], answer, context);
  else if (!tuple(answer) && answer.items.length === 1 && answer.items[0])
    return compareNodes(gold, answer.items[0], context);
  else if ((tuple(gold) ? answer : gold).open === '\\{' || isInterval(gold) || isInterval(answer)) return 'no';
  return compareOrdered(gold.items, answer.items, context);
}

function compareOrdered(gold: readonly Node[], answer: readonly Node[], context: Context): Outcome {
  if (gold.length !== answer.length) return 'no';
  return all(gold.map((item, k) => (answer[k] ? compareNodes(item, answer[k], context) : 'no')));
}

const stem = (name: string): string => name.replace(/_[^"]*/g, '_');

/**
 * Compares as multisets. A tuple that an answer repeats counts once, and so do equal values joined by "or" where the
 * reference is a single one.
 */
function compareUnordered(goldList: ListNode, answerList: ListNode, context: Context): Outcome {
  const [gold, answer] = [goldList.items, answerList.items];
  const [g, a] = [values(gold), values(answer)];
  const [goldNamed, answerNamed] = [
    g.some((item) => item.name !== undefined),
    a.some((item) => item.name !== undefined),
  ];
  const distinct = [...g, ...a].flatMap((item) => (item.name === undefined ? [] : [item.name]));
  // `AB = 4, CD = 5` against `4, 5`: matched by order, unless the names differ only in an index.
  if (goldNamed !== answerNamed && new Set(distinct.map(stem)).size > 1)
    return compareOrdered(
      g.map((item) => item.value),
      a.map((item) => item.value),
      context,
    );
  const pairUp = (one: Named, other: Named): Outcome =>
    (goldNamed && answerNamed && one.name !== other.name) || isBraced(one.value) !== isBraced(other.value)
      ? 'no'
      : compareNodes(one.value, other.value, context);
  if (gold.length * answer.length > 400) return 'unsure';
  const left = [...a];
  const found: Named[] = [];
  let result: Outcome = 'yes';
  for (const one of g) {
    const outcomes = left.map((other) => pairUp(one, other));
    const index = outcomes.indexOf('yes');
    if (index >= 0) found.push(...left.splice(index, 1));
    else if (outcomes.includes('unsure')) result = 'unsure';
    else return 'no';
  }
  // 180 minutes or 3 hours: the one need not equal the reference if it equals the other.
  const alternatives = answerList.joint === 'or' && gold.length === 1;
  const repeated = (other: Named): Outcome =>
    alternatives || isTuple(other.value)
      ? best([...g, ...(alternatives ? found : [])].map((one) => pairUp(one, other)))
      : 'no';
  return result === 'unsure' && left.length > 0 ? 'unsure' : all([result, ...left.map(repeated)]);
}

/** Compares numbers and expressions with percent signs, units, bases and ratios. */
function compareQuantities(gold: Node, answer: Node, context: Context): Outcome {
  if (gold.kind === 'based' || answer.kind === 'based')
    return gold.kind === 'based' &&
      answer.kind === 'based' &&
      gold.base === answer.base &&
      gold.digits === answer.digits
      ? 'yes'
      : 'no';
  if (gold.kind === 'percent' && answer.kind === 'percent') return compareExpressions(gold.item, answer.item, context);
  // The percent sign is understood if the reference has one, but an answer's sign counts.
  if (gold.kind === 'percent' && !isMeasured(answer))
    return best([compareExpressions(gold.item, answer, context), compareExpressions(gold, answer, context)]);
  if (answer.kind === 'percent' && !isMeasured(gold)) return compareExpressions(gold, answer, context);
  if (gold.kind === 'percent' || answer.kind === 'percent') return 'no';
  if (gold.kind === 'ratio' && answer.kind === 'ratio') return compareRatios(gold.items, answer.items, context);
  if (isMeasured(gold) || isMeasured(answer)) return compareUnits(gold, answer, context, compareNodes);
  return compareExpressions(gold, answer, context);
}

function compareRatios(gold: readonly Node[], answer: readonly Node[], context: Context): Outcome {
  if (gold.length !== answer.length) return 'no';
  // Times of day.
  if ([...gold, ...answer].some(isMeasured)) return compareOrdered(gold, answer, context);
  const [g, a] = [gold.map((item) => constant(item, context)), answer.map((item) => constant(item, context))];
  const nonZero = [...g, ...a].every((value) => value && (value.z.re !== 0 || value.z.im !== 0));
  if (!nonZero) return compareOrdered(gold, answer, context);
  const quotients = (items: readonly Node[]): readonly Node[] =>
    items.slice(1).map((right) => ({ kind: 'divide', left: items[0] ?? right, right }));
  return compareOrdered(quotients(gold), quotients(answer), context);
}
