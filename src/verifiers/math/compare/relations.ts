import { minus, modulus, over } from '../evaluate/complex.js';
import type { Node, Relation } from '../parse/ast.js';
import { best, type Context, free, type Outcome, permutations, rename, sampledPairs } from './expressions.js';
import { compareMembership } from './membership.js';
import { nameOf } from './normal.js';

type RelationNode = Extract<Node, { kind: 'relation' }>;

/** A relation as `difference` compared with 0, by =, !=, > or >=. */
interface Step {
  readonly difference: Node;
  readonly relation: Relation;
}

const FLIPPED: Partial<Record<Relation, Relation>> = { '<': '>', '<=': '>=' };

function steps(node: RelationNode): readonly Step[] {
  return node.relations.flatMap((relation, k) => {
    const [left, right] = [node.terms[k], node.terms[k + 1]];
    if (!left || !right) return [];
    const flipped = FLIPPED[relation];
    const [first, second] = flipped ? [right, left] : [left, right];
    return [
      {
        difference: { kind: 'add', items: [first, { kind: 'negate', item: second }] },
        relation: flipped ?? (relation === '~' ? '=' : relation),
      },
    ];
  });
}

/**
 * Two relations are equal if each step of one is a constant multiple of a step of the other, positive for inequalities.
 */
export function compareRelations(gold: RelationNode, answer: RelationNode, context: Context): Outcome {
  if (context.strict) return compareNamed(gold, answer, context);
  const [goldNames, answerNames] = [free(gold), free(answer)];
  if (goldNames.length !== answerNames.length || goldNames.length > 4) return 'no';
  return best(
    permutations(goldNames).map((names) => {
      const renamed = rename(answer, new Map(answerNames.map((name, k) => [name, names[k] ?? name])));
      return renamed.kind === 'relation' ? compareNamed(gold, renamed, context) : 'no';
    }),
  );
}

function compareNamed(gold: RelationNode, answer: RelationNode, context: Context): Outcome {
  const [goldSteps, answerSteps] = [steps(gold), steps(answer)];
  const outcome = goldSteps.length === answerSteps.length ? matchSteps(goldSteps, answerSteps, context) : 'no';
  if (outcome === 'yes') return outcome;
  const [goldNames, answerNames] = [free(gold), free(answer)];
  const oneVariable = goldNames.length === 1 && answerNames.length === 1 && goldNames[0] === answerNames[0];
  const inequality = [...goldSteps, ...answerSteps].every(
    (step) => step.relation !== '=' && step.relation !== 'other' && step.relation !== 'in',
  );
  return oneVariable && inequality ? compareMembership(gold, answer, context) : outcome;
}

interface Fraction {
  readonly up: Node;
  /** Factors. */
  readonly down: readonly Node[];
}

const times = (items: readonly Node[]): Node => {
  const [only] = items;
  return only && items.length === 1 ? only : { kind: 'multiply', items };
};

/** Puts a sum of fractions over one denominator; equal denominators are not multiplied. */
function fractionOf(node: Node): Fraction {
  switch (node.kind) {
    case 'divide': {
      const [left, right] = [fractionOf(node.left), fractionOf(node.right)];
      return { up: times([left.up, ...right.down]), down: [...left.down, right.up] };
    }
    case 'multiply': {
      const factors = node.items.map(fractionOf);
      return { up: times(factors.map(({ up }) => up)), down: factors.flatMap(({ down }) => down) };
    }
    case 'negate': {
      const { up, down } = fractionOf(node.item);
      return { up: { kind: 'negate', item: up }, down };
    }
    case 'add': {
      const terms = node.items.map(fractionOf);
      const common = new Map(terms.flatMap(({ down }) => down.map((factor) => [nameOf(factor), factor])));
      const items = terms.map(({ up, down }) => {
        const own = new Set(down.map(nameOf));
        return times([up, ...[...common].flatMap(([key, factor]) => (own.has(key) ? [] : [factor]))]);
      });
      return { up: { kind: 'add', items }, down: [...common.values()] };
    }
    default:
      return { up: node, down: [] };
  }
}

/** `y - 1/x = 0` as `xy - 1 = 0`. */
const cleared = (step: Step): Step =>
  step.relation === '=' || step.relation === '!=' ? { ...step, difference: fractionOf(step.difference).up } : step;

function matchSteps(gold: readonly Step[], answer: readonly Step[], context: Context): Outcome {
  const left = [...answer];
  let result: Outcome = 'yes';
  for (const step of gold) {
    const outcomes = left.map((other) =>
      best([sameStep(step, other, context), sameStep(cleared(step), cleared(other), context)]),
    );
    const index = outcomes.indexOf('yes');
    if (index >= 0) left.splice(index, 1);
    else if (outcomes.includes('unsure')) result = 'unsure';
    else return 'no';
  }
  return result;
}

function sameStep(gold: Step, answer: Step, context: Context): Outcome {
  if (gold.relation !== answer.relation || gold.relation === 'other' || gold.relation === 'in') return 'no';
  const pairs = sampledPairs(gold.difference, answer.difference, context);
  const ratios = pairs.flatMap((pair) => (modulus(pair.gold.z) < 1e-12 ? [] : [over(pair.answer.z, pair.gold.z)]));
  const [first] = ratios;
  if (!first || ratios.length < 3) return 'unsure';
  if (pairs.some((pair) => modulus(pair.gold.z) < 1e-12 !== modulus(pair.answer.z) < 1e-12)) return 'no';
  if (modulus(first) < 1e-12 || ratios.some((ratio) => modulus(minus(ratio, first)) > 1e-8 * modulus(first)))
    return 'no';
  const ordered = gold.relation === '>' || gold.relation === '>=';
  return ordered && !(first.re > 0 && Math.abs(first.im) < 1e-9) ? 'no' : 'yes';
}
