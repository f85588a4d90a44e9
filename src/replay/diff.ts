import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLearner } from '../learner/create.js';
import type { Tensors } from '../models/safetensors.js';
import { trainSample } from '../operators/learn.js';
import { learnLoss } from '../pipelines/plan/learn-loss.js';
import type { Plan } from '../pipelines/plan/plan.js';
import { learnOf, stepsOf } from '../pipelines/spec/sections.js';
import { float32Array } from '../records/arrays.js';
import type { Advantage } from '../records/records.js';
import { openRunFolder } from '../runs/inspect/run-folder.js';
import { weightsFolder } from '../runs/weights/publisher.js';
import type { TopicLog } from '../topics/log.js';
import { fromRecord, headerPlace } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import { scanInOrder, weightsOf } from './recorded.js';

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
  /** The first sample whose token advantages are others; null where none is. */
  readonly partsAt: Pick<SampleDifference, 'promptId' | 'sampleIndex' | 'step'> | null;
  /** The two gradients of the step at which advantages part; null where they do not. */
  readonly gradient: GradientDifference | null;
  /** The first version whose weights are others; null while all are the same. */
  readonly weightsPart: number | null;
  /** The first step whose samples other weights had made than those that learnt from them; null where none is. */
  readonly offPolicyFrom: number | null;
  readonly heldOut: Change<number | null>;
}

export interface GradientDifference {
  readonly step: number;
  /** Of the weights at which both are taken: those that the step learnt from, or the newest before them that are still on disk. */
  readonly version: number;
  /** null where one of them is zero. */
  readonly cosine: number | null;
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
    return {
      ...sums,
      gradient: sums.partsAt && (await gradientsPart(was.log, is.log, is.plan, recorded, sums.partsAt.step)),
      weightsPart: weights,
      offPolicyFrom: weights !== null && weights < stepsOf(is.plan.spec) ? weights : null,
      heldOut: await heldOut(was.log, is.log),
    };
  } finally {
    await was.log.close();
    await is.log.close();
  }
}

type Sums = Pick<
  RunDifference,
  'samples' | 'unmatched' | 'verdictsChanged' | 'rewardsChanged' | 'advantages' | 'tokenAdvantages' | 'partsAt'
>;

async function diffSamples(
  was: TopicLog,
  is: TopicLog,
  onSample: (difference: SampleDifference) => void,
): Promise<Sums> {
  const [ofSamples, ofTokens] = [agreement(), agreement()];
  const counts = { samples: 0, verdictsChanged: 0, rewardsChanged: 0 };
  const replayed = new Set<string>();
  for await (const { key } of scanInOrder(is, 'prompts')) replayed.add(key);
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
  let partsAt: Sums['partsAt'] = null;
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
    const { promptId, sampleIndex, step } = now;
    if (Buffer.compare(then.tokenAdvantages, now.tokenAdvantages) !== 0 && step < (partsAt?.step ?? Infinity))
      partsAt = { promptId, sampleIndex, step };
    ofSamples.add(then.advantage, now.advantage);
    counts.samples++;
    counts.verdictsChanged += then.verdict === now.verdict ? 0 : 1;
    counts.rewardsChanged += then.reward === now.reward ? 0 : 1;
    onSample({
      promptId,
      sampleIndex,
      step,
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
    partsAt,
  };
}

async function* advantagesOf(log: TopicLog, prompts?: ReadonlySet<string>): AsyncGenerator<Advantage> {
  for await (const record of scanInOrder(log, 'advantages'))
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

/** Both gradients of a step, at the same weights, so that they differ by the advantages alone. */
async function gradientsPart(
  was: TopicLog,
  is: TopicLog,
  plan: Plan,
  folder: string,
  step: number,
): Promise<GradientDifference | null> {
  const [before, after] = [await samplesOf(was, step), await samplesOf(is, step)];
  const learnt = Math.max(0, ...before.map(({ policyVersion }) => policyVersion));
  const version = Array.from({ length: learnt + 1 }, (_, back) => learnt - back).find((one) =>
    existsSync(join(folder, weightsFolder(one))),
  );
  if (version === undefined) return null;
  const { aggregate, lr } = learnOf(plan.spec);
  const learner = await createLearner({
    folder: join(folder, weightsFolder(version)),
    threads: 1,
    settings: { aggregate, lr },
    loss: await learnLoss(plan),
  });
  try {
    const gradients = [];
    for (const samples of [before, after]) gradients.push(await learner.gradient(samples.map(trainSample)));
    const [a = new Map(), b = new Map()] = gradients;
    return { step, version, cosine: cosine(a, b) };
  } finally {
    await learner.close();
  }
}

async function samplesOf(log: TopicLog, step: number): Promise<Advantage[]> {
  const samples: Advantage[] = [];
  for await (const record of scanInOrder(log, 'advantages'))
    if (record.value !== null && headerPlace(record)?.step === step)
      samples.push(fromRecord('advantages', { ...record, value: record.value }));
  return samples;
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
