import { createLearner, defaultSettings } from '../../learner/learner.js';
import type { Tensors } from '../../policy/safetensors.js';
import { float32Array, int32Array } from '../../topics/arrays.js';
import type { TopicLog } from '../../topics/log.js';
import type { Advantage } from '../../topics/records.js';
import { scan } from '../../topics/scan.js';
import { openRunFolder, type RunFolder } from '../open-run.js';
import { baseFolder } from '../resources.js';
import { fromRecord } from '../wire.js';
import { weightsOf, withBase } from './recorded.js';

interface Change<T> {
  readonly was: T;
  readonly is: T;
}

/** One sample as recorded and as replayed. */
export interface SampleDifference {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly step: number;
  readonly verdict: Change<string>;
  readonly reward: Change<number>;
  readonly advantage: Change<number>;
  /** Mean over the completion's tokens of the absolute difference of their advantages. */
  readonly tokenAdvantages: number;
}

export interface RunDifference {
  readonly samples: number;
  /** Recorded samples that the replay made no advantage of, and the other way round. */
  readonly unmatched: Change<number>;
  readonly verdictsChanged: number;
  readonly rewardsChanged: number;
  readonly advantages: Agreement;
  readonly tokenAdvantages: Agreement;
  /** Cosine of the gradients of the first step at the base model; null where one of them is zero. */
  readonly gradientCosine: number | null;
  /** The first version whose weights are others; null while all are the same. */
  readonly weightsPart: number | null;
  /** The first step whose samples other weights had made than those that learnt from them; null where none is. */
  readonly offPolicyFrom: number | null;
  readonly heldOut: Change<number | null>;
}

export interface Agreement {
  readonly changed: number;
  readonly meanAbsoluteDifference: number;
  /** Pearson's; null where one side does not vary. */
  readonly correlation: number | null;
}

/**
 * What a replay changed, sample by sample and in sum.
 * @param onSample called for each sample in the order of the replay
 */
export async function diffRuns(
  recorded: string,
  replayed: string,
  onSample: (difference: SampleDifference) => void = () => {},
): Promise<RunDifference> {
  const [was, is] = [await openRunFolder(recorded), await openRunFolder(replayed)];
  try {
    const sums = await diffSamples(was.log, is.log, onSample);
    const weights = await weightsPart(was.log, is.log);
    const [before, after] = [await firstGradient(was, recorded), await firstGradient(is, replayed)];
    return {
      ...sums,
      gradientCosine: before && after ? cosine(before, after) : null,
      weightsPart: weights,
      offPolicyFrom: weights !== null && weights < is.plan.spec.steps ? weights : null,
      heldOut: await heldOut(was.log, is.log),
    };
  } finally {
    await was.log.close();
    await is.log.close();
  }
}

type Sums = Pick<
  RunDifference,
  'samples' | 'unmatched' | 'verdictsChanged' | 'rewardsChanged' | 'advantages' | 'tokenAdvantages'
>;

async function diffSamples(
  was: TopicLog,
  is: TopicLog,
  onSample: (difference: SampleDifference) => void,
): Promise<Sums> {
  const [ofSamples, ofTokens] = [agreement(), agreement()];
  const counts = { samples: 0, verdictsChanged: 0, rewardsChanged: 0 };
  const replayed = new Set<string>();
  for await (const { key } of scan(is, 'prompts', 0)) replayed.add(key);
  const recorded = advantagesOf(was, replayed);
  const waiting = new Map<string, Advantage>();
  const idOf = ({ promptId, sampleIndex }: Advantage) => `${promptId}/${sampleIndex}`;
  /** Both topics have nearly the same order, so little waits. */
  const recordedOf = async (id: string): Promise<Advantage | undefined> => {
    while (!waiting.has(id)) {
      const next = await recorded.next();
      if (next.done) return undefined;
      waiting.set(idOf(next.value), next.value);
    }
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  };
  let unmatched = 0;
  for await (const now of advantagesOf(is)) {
    const then = await recordedOf(idOf(now));
    if (!then) {
      unmatched++;
      continue;
    }
    const [before, after] = [float32Array(then.tokenAdvantages), float32Array(now.tokenAdvantages)];
    let distance = 0;
    for (const [t, value] of after.entries()) {
      ofTokens.add(before[t] ?? 0, value);
      distance += Math.abs(value - (before[t] ?? 0));
    }
    ofSamples.add(then.advantage, now.advantage);
    counts.samples++;
    counts.verdictsChanged += then.verdict === now.verdict ? 0 : 1;
    counts.rewardsChanged += then.reward === now.reward ? 0 : 1;
    onSample({
      promptId: now.promptId,
      sampleIndex: now.sampleIndex,
      step: now.step,
      verdict: { was: then.verdict, is: now.verdict },
      reward: { was: then.reward, is: now.reward },
      advantage: { was: then.advantage, is: now.advantage },
      tokenAdvantages: distance / Math.max(1, after.length),
    });
  }
  let left = waiting.size;
  for await (const _ of recorded) left++;
  return {
    ...counts,
    unmatched: { was: left, is: unmatched },
    advantages: ofSamples.result(),
    tokenAdvantages: ofTokens.result(),
  };
}

async function* advantagesOf(log: TopicLog, prompts?: ReadonlySet<string>): AsyncGenerator<Advantage> {
  for await (const record of scan(log, 'advantages', 0))
    if (record.value !== null && (prompts?.has(record.key) ?? true))
      yield fromRecord('advantages', { ...record, value: record.value });
}

/** Running sums of pairs, by Welford's method. */
function agreement() {
  let [n, changed, distance, meanA, meanB, varA, varB, cov] = [0, 0, 0, 0, 0, 0, 0, 0];
  return {
    add(a: number, b: number) {
      n++;
      changed += a === b ? 0 : 1;
      distance += Math.abs(a - b);
      const [dA, dB] = [a - meanA, b - meanB];
      meanA += dA / n;
      meanB += dB / n;
      varA += dA * (a - meanA);
      varB += dB * (b - meanB);
      cov += dA * (b - meanB);
    },
    result(): Agreement {
      const spread = Math.sqrt(varA * varB);
      const correlation = changed === 0 && spread > 0 ? 1 : spread > 0 ? Math.max(-1, Math.min(1, cov / spread)) : null;
      return { changed, meanAbsoluteDifference: distance / Math.max(1, n), correlation };
    },
  };
}

async function weightsPart(was: TopicLog, is: TopicLog): Promise<number | null> {
  const before = await weightsOf(was);
  for (const [version, { digest }] of await weightsOf(is))
    if (before.has(version) && before.get(version)?.digest !== digest) return version;
  return null;
}

/**
 * The gradient of step 0 at the base model; undefined where it is zero or the part does not hold that step. An update by `lr g / (|g| + eps)` with both lr and eps far above any
 * gradient is the gradient itself, so the learner gives it without a second way to compute it.
 */
async function firstGradient({ log, plan, manifest }: RunFolder, folder: string): Promise<Tensors | undefined> {
  const samples: Advantage[] = [];
  for await (const sample of advantagesOf(log)) {
    if (sample.step > plan.spec.publish.every) break;
    if (sample.step === 0) samples.push(sample);
  }
  if (!samples.some(({ advantage }) => advantage !== 0)) return undefined;
  const { clip, aggregate } = plan.spec.learn;
  const spec = withBase(manifest, folder);
  const huge = 1e12;
  const learner = await createLearner({
    folder: baseFolder(spec, manifest.folder),
    threads: 1,
    settings: { ...defaultSettings, clip, aggregate, lr: huge, eps: huge, betas: [0, 0], maxGradNorm: huge },
  });
  try {
    const before = await learner.weights();
    await learner.step(
      samples.map((sample) => ({
        promptTokens: int32Array(sample.promptTokens),
        completionTokens: int32Array(sample.completionTokens),
        mask: sample.mask,
        samplingLogprobs: float32Array(sample.samplingLogprobs),
        tokenAdvantages: float32Array(sample.tokenAdvantages),
        temperature: sample.temperature,
      })),
    );
    const after = await learner.weights();
    return new Map(
      [...before].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map((value, i) => value - (after.get(name)?.data[i] ?? 0)) },
      ]),
    );
  } finally {
    await learner.close();
  }
}

function cosine(a: Tensors, b: Tensors): number | null {
  let [dot, squaresA, squaresB] = [0, 0, 0];
  for (const [name, { data }] of a) {
    const other = b.get(name)?.data ?? [];
    for (const [i, value] of data.entries()) {
      const paired = other[i] ?? 0;
      dot += value * paired;
      squaresA += value * value;
      squaresB += paired * paired;
    }
  }
  const length = Math.sqrt(squaresA * squaresB);
  return length === 0 ? null : Math.min(1, dot / length);
}

/** Accuracies at the newest version that the replay measured. */
async function heldOut(was: TopicLog, is: TopicLog): Promise<RunDifference['heldOut']> {
  const [before, after] = [await accuracies(was), await accuracies(is)];
  const version = Math.max(...after.keys());
  return { was: before.get(version) ?? null, is: after.get(version) ?? null };
}

async function accuracies(log: TopicLog): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for await (const record of scan(log, 'metrics', 0)) {
    if (record.value === null) continue;
    const metric = fromRecord('metrics', { ...record, value: record.value });
    if (metric.stage === 'evaluate') found.set(metric.step, metric.values.accuracy ?? 0);
  }
  return found;
}
