import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLearner } from '../../learner/create.js';
import type { LearnerSettings } from '../../learner/settings.js';
import type { Loss } from '../../losses/loss.js';
import { checkModelDigest } from '../../models/folder.js';
import type { Tensors } from '../../models/safetensors.js';
import { trainSample } from '../../operators/learn.js';
import { learnLoss } from '../../pipelines/plan/learn-loss.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import type { Advantage } from '../../records/records.js';
import { weightsFolder } from '../../runs/weights/publisher.js';
import { recordedWeights } from '../../runs/weights/recorded.js';
import { at, get } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { headerPlace } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';

export interface GradientDifference {
  readonly step: number;
  /** The weights at which both gradients are taken: those that the step trained, or the newest earlier ones on disk. */
  readonly version: number;
  /** null where a gradient is zero. */
  readonly cosine: number | null;
}

/**
 * The angle between the gradients of one step in two runs. Both are taken at the same weights, so that only the
 * advantages make the difference.
 * @param folder the run whose weights are used
 * @returns null where none of those weights are on disk any more
 */
export async function gradientDifference(
  was: TopicLog,
  is: TopicLog,
  plan: Plan,
  folder: string,
  step: number,
): Promise<GradientDifference | null> {
  const samples = await samplesOf(was, step);
  const newest = Math.max(0, ...samples.map(({ policyVersion }) => policyVersion));
  const versions = Array.from({ length: newest + 1 }, (_, back) => newest - back);
  const version = versions.find((one) => existsSync(join(folder, weightsFolder(one))));
  const weights = version === undefined ? undefined : await soundWeights(was, folder, version);
  if (version === undefined || weights === undefined) return null;
  const learner = await createLearner({
    folder: weights,
    threads: 1,
    settings: gradientSettings(plan.spec),
    loss: await lossOf(plan),
  });
  try {
    const before = await learner.gradient(samples.map(trainSample));
    const after = await learner.gradient((await samplesOf(is, step)).map(trainSample));
    return { step, version, cosine: cosine(before, after) };
  } finally {
    await learner.close();
  }
}

/** The folder of a version's weights; undefined where they are gone. @throws {UserError} where they are damaged */
export async function soundWeights(log: TopicLog, folder: string, version: number): Promise<string | undefined> {
  const weights = join(folder, weightsFolder(version));
  if (!existsSync(weights)) return undefined;
  const digest = (await recordedWeights(log)).get(version)?.digest;
  if (digest !== undefined) checkModelDigest(weights, digest);
  return weights;
}

/** What a gradient depends on. A pipeline that trains nothing has the defaults. */
export const gradientSettings = ({
  learn,
}: Pick<PipelineSpec, 'learn'>): Pick<LearnerSettings, 'aggregate' | 'lr'> => ({
  aggregate: learn?.aggregate ?? 'tokenMean',
  // No weight is changed.
  lr: learn?.lr ?? 1e-6,
});

/** The loss that a plan trains with, or would by default. */
export const lossOf = async (plan: Plan): Promise<Loss> =>
  plan.spec.learn === undefined ? plan.method.loss : learnLoss(plan);

async function samplesOf(log: TopicLog, step: number): Promise<Advantage[]> {
  const samples: Advantage[] = [];
  for await (const advantage of recordsOf(log, 'advantages', (record) => headerPlace(record)?.step === step))
    samples.push(advantage);
  return samples;
}

function cosine(a: Tensors, b: Tensors): number | null {
  let [dot, squaresA, squaresB] = [0, 0, 0];
  for (const [name, { data }] of a) {
    const other = get(b, name).data;
    for (const [i, value] of data.entries()) {
      const paired = at(other, i);
      dot += value * paired;
      squaresA += value * value;
      squaresB += paired * paired;
    }
  }
  const length = Math.sqrt(squaresA * squaresB);
  return length === 0 ? null : Math.min(1, dot / length);
}
