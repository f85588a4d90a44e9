import { stepsOf } from '../../pipelines/spec/sections.js';
import { type RunFolder, withRunFolder } from '../../runs/inspect/run-folder.js';
import { recordedWeights } from '../../runs/weights/recorded.js';
import type { TopicLog } from '../../topics/log.js';
import { recordsOf } from '../../topics/scan.js';
import { type Change, diffSamples, type SampleDifference, type SampleTotals } from './diff-samples.js';
import { type GradientDifference, gradientDifference } from './gradient-difference.js';
import { type Prediction, predict } from './predict.js';

export type { SampleDifference } from './diff-samples.js';

export interface RunDifference extends SampleTotals {
  /** The gradients of the step with the first change; null where nothing changed. */
  readonly gradient: GradientDifference | null;
  /** null unless it was asked for, and where the runs have too few samples for it. */
  readonly prediction: Prediction | null;
  /** The first version whose weights differ; null while all are equal. */
  readonly weightsDifferFrom: number | null;
  /** The first step whose samples come from other weights than those that it trains; null where none does. */
  readonly offPolicyFrom: number | null;
  /** Held-out accuracy, from 0 to 1, at the newest version that the replay evaluated. */
  readonly heldOut: Change<number | null>;
}

/**
 * What a replay changed, per sample and in sum.
 * @param onSample called for each sample in the order of the replay
 * @param options.predict whether to compare both methods by `predict`, which takes three gradients of every prompt, and
 * for how many prompts per update
 */
export async function diffRuns(
  recorded: string,
  replayed: string,
  onSample: (difference: SampleDifference) => void = () => {},
  { predict: wanted = false }: { readonly predict?: boolean | number } = {},
): Promise<RunDifference> {
  return withRunFolder(recorded, (was) =>
    withRunFolder(replayed, async (is) => ({
      ...(await differenceOf(was, is, recorded, onSample)),
      prediction: wanted === false ? null : await predict(was, is, recorded, wanted === true ? undefined : wanted),
    })),
  );
}

async function differenceOf(
  was: RunFolder,
  is: RunFolder,
  recorded: string,
  onSample: (difference: SampleDifference) => void,
): Promise<Omit<RunDifference, 'prediction'>> {
  const totals = await diffSamples(was.log, is.log, onSample);
  const { firstChange } = totals;
  const differFrom = await weightsDifferFrom(was.log, is.log);
  return {
    ...totals,
    gradient: firstChange && (await gradientDifference(was, is.log, is.plan, recorded, firstChange.step)),
    weightsDifferFrom: differFrom,
    offPolicyFrom: differFrom !== null && differFrom < stepsOf(is.plan.spec) ? differFrom : null,
    heldOut: await heldOut(was.log, is.log),
  };
}

async function weightsDifferFrom(was: TopicLog, is: TopicLog): Promise<number | null> {
  const before = await recordedWeights(was);
  for (const [version, { digest }] of await recordedWeights(is)) {
    const recorded = before.get(version);
    if (recorded && recorded.digest !== digest) return version;
  }
  return null;
}

async function heldOut(was: TopicLog, is: TopicLog): Promise<RunDifference['heldOut']> {
  const [before, after] = [await accuracies(was), await accuracies(is)];
  const version = Math.max(...after.keys());
  return { was: before.get(version) ?? null, is: after.get(version) ?? null };
}

/** Held-out accuracy by version. */
async function accuracies(log: TopicLog): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for await (const { stage, step, values } of recordsOf(log, 'metrics'))
    if (stage === 'evaluate' && values.accuracy !== undefined) found.set(step, values.accuracy);
  return found;
}
