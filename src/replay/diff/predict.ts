import { createLearner } from '../../learner/create.js';
import { clippedPolicy } from '../../losses/clipped-policy.js';
import type { Loss } from '../../losses/loss.js';
import { groupAdvantages } from '../../methods/parts/advantage.js';
import type { Tensors } from '../../models/safetensors.js';
import { type TrainSample, trainSample } from '../../operators/learn.js';
import type { Advantage } from '../../records/records.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { at } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { recordsOf } from '../../topics/scan.js';
import { gradientSettings, lossOf, type RecordedModel, soundModel } from './gradient-difference.js';
import { addTo, type Block, crossCosines, dot, type Estimate, jackknife, jackknifeDifference } from './jackknife.js';

/** How well a method's update agrees with what other prompts ask for, before anything is trained. */
export interface Prediction {
  /** Prompts of both runs whose samples are from that version. */
  readonly prompts: number;
  readonly version: number;
  /** Prompts of the update. */
  readonly batch: number;
  /** Expected cosine of the recorded method's update with the policy gradient of other prompts. */
  readonly was: Estimate;
  /** That of the replay's method. */
  readonly is: Estimate;
  /** The second minus the first. Both are of the same prompts, so its error is smaller than theirs. */
  readonly difference: Estimate;
}

/** Prompts of an update, where neither the caller nor the pipeline says. */
const BATCH = 16;
/** Parts of the prompts that the jackknife leaves out in turn. */
const BLOCKS = 20;
/** Fewer prompts say nothing. */
const LEAST = 4;

/**
 * The cheapest test of a method: the expected cosine of its update with the policy gradient of *other* prompts, for the
 * recorded and the replayed method, over all samples of the oldest version. The policy gradient gives each token its
 * completion's reward minus the mean of the group.
 * @param folder of the recorded run, whose weights are used
 * @param wanted prompts of an update. Default: those of the pipeline's step, or 16
 * @returns null with fewer than 4 such prompts, or where that version's weights are gone
 */
export async function predict(
  was: RunFolder,
  is: RunFolder,
  folder: string,
  wanted?: number,
): Promise<Prediction | null> {
  const [recorded, replayed] = [await groupsOf(was.log), await groupsOf(is.log)];
  const version = Math.min(...[...recorded.values()].flat().map(({ policyVersion }) => policyVersion));
  const pairs = [...recorded].flatMap(([promptId, group]) => {
    const other = replayed.get(promptId);
    return other && group.every(({ policyVersion }) => policyVersion === version) ? [{ group, other }] : [];
  });
  const model = pairs.length < LEAST ? undefined : await soundModel(was, folder, version);
  if (model === undefined) return null;
  const settings = gradientSettings(is.plan.spec);
  const open = (loss: Loss) => openGradients(model, settings, loss);
  const [policy, before, after] = [
    await open(clippedPolicy.create()),
    await open(await lossOf(was.plan)),
    await open(await lossOf(is.plan)),
  ];
  const blocks = { was: new Map<number, Block>(), is: new Map<number, Block>() };
  try {
    for (const [i, { group, other }] of pairs.entries()) {
      const gradient = await policy.sum(policySamples(group));
      take(blocks.was, i % BLOCKS, await before.sum(group.map(trainSample)), gradient);
      take(blocks.is, i % BLOCKS, await after.sum(other.map(trainSample)), gradient);
    }
  } finally {
    for (const { close } of [policy, before, after]) await close();
  }
  const batch = wanted ?? is.plan.spec.learn?.prompts ?? BATCH;
  const wasCosines = crossCosines([...blocks.was.values()], batch);
  const isCosines = crossCosines([...blocks.is.values()], batch);
  return {
    ...{ prompts: pairs.length, version, batch },
    was: jackknife(wasCosines),
    is: jackknife(isCosines),
    difference: jackknifeDifference(isCosines, wasCosines),
  };
}

async function groupsOf(log: TopicLog): Promise<Map<string, Advantage[]>> {
  const groups = new Map<string, Advantage[]>();
  for await (const sample of recordsOf(log, 'advantages'))
    groups.set(sample.promptId, [...(groups.get(sample.promptId) ?? []), sample]);
  return groups;
}

/** The gradients of one loss at fixed weights. */
async function openGradients(model: RecordedModel, settings: ReturnType<typeof gradientSettings>, loss: Loss) {
  const learner = await createLearner({ ...model, threads: 1, settings, loss });
  const { aggregate } = settings;
  return {
    /** The gradient of the summed loss of the samples, whatever the batch that they are part of. */
    async sum(samples: readonly TrainSample[]): Promise<Float32Array> {
      const tokens = samples.reduce((sum, { mask }) => sum + mask.reduce((ones, bit) => ones + bit, 0), 0);
      const share = aggregate === 'tokenMean' ? tokens : samples.length;
      return flat(await learner.gradient(samples), share);
    },
    close: () => learner.close(),
  };
}

function flat(tensors: Tensors, factor: number): Float32Array {
  const parts = [...tensors.values()].map(({ data }) => data);
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const part of parts) {
    addTo(all.subarray(start, start + part.length), Float32Array.from(part), factor);
    start += part.length;
  }
  return all;
}

/** The samples with their completions' rewards minus the group's mean as advantages. */
function policySamples(group: readonly Advantage[]): TrainSample[] {
  const advantages = groupAdvantages(
    group.map(({ reward }) => reward),
    'center',
  );
  return group.map((sample, i) => {
    const { distillation: _, tokenWeights: __, ...rest } = trainSample(sample);
    const { mask } = rest;
    return { ...rest, tokenAdvantages: Float32Array.from(mask, (bit) => bit * at(advantages, i)) };
  });
}

function take(blocks: Map<number, Block>, index: number, update: Float32Array, gradient: Float32Array): void {
  const own = { cross: dot(update, gradient), update: dot(update, update), gradient: dot(gradient, gradient) };
  const block = blocks.get(index);
  if (!block) {
    blocks.set(index, { prompts: 1, update, gradient: gradient.slice(), own });
    return;
  }
  addTo(block.update, update);
  addTo(block.gradient, gradient);
  blocks.set(index, {
    ...block,
    prompts: block.prompts + 1,
    own: {
      cross: block.own.cross + own.cross,
      update: block.own.update + own.update,
      gradient: block.own.gradient + own.gradient,
    },
  });
}
