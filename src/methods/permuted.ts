import { seedOf } from '../support/digest.js';
import { at } from '../support/required.js';
import { memberOf } from './check-group.js';
import type { Method, ShapedSample, TeacherNeed } from './method.js';

const SUFFIX = '+permuted';

/**
 * A control: the method's token advantages and loss weights, permuted within each completion. What the method gives a
 * completion as a whole stays, and which token gets it becomes chance; a gain that remains does not come from where the
 * credit went. Distillation targets belong to their positions and stay. A permuted method is returned as it is.
 *
 * @param seed of the run; the permutation follows from it, the sample and the step.
 */
export function permuted<Need extends TeacherNeed>(method: Method<Need>, seed: number): Method<Need> {
  if (method.id.endsWith(SUFFIX)) return method;
  return {
    ...method,
    id: method.id + SUFFIX,
    shape: (group, step) =>
      method.shape(group, step).map((shaped, i) => {
        const { id, mask } = memberOf(group.samples, i);
        return permute(
          shaped,
          orderOf(mask, (t) => seedOf('permute', seed, id, step, t)),
        );
      }),
  };
}

/** For each position the one whose value it takes: masked positions keep theirs. */
function orderOf(mask: ArrayLike<number>, key: (t: number) => bigint): readonly number[] {
  const trained = Array.from({ length: mask.length }, (_, t) => t).filter((t) => mask[t]);
  const drawn = trained
    .map((t) => ({ t, drawnKey: key(t) }))
    .sort((a, b) => (a.drawnKey < b.drawnKey ? -1 : 1))
    .map(({ t }) => t);
  const order = Array.from({ length: mask.length }, (_, t) => t);
  for (const [i, t] of trained.entries()) order[t] = at(drawn, i);
  return order;
}

function permute(shaped: ShapedSample, order: readonly number[]): ShapedSample {
  const { tokenAdvantages, tokenWeights } = shaped;
  return {
    ...shaped,
    tokenAdvantages: Float64Array.from(order, (t) => at(tokenAdvantages, t)),
    ...(tokenWeights && { tokenWeights: Float32Array.from(order, (t) => at(tokenWeights, t)) }),
  };
}
