import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createLearner } from '../../learner/create.js';
import type { LearnerOptions } from '../../learner/learner.js';
import type { LearnerSettings } from '../../learner/settings.js';
import type { Loss } from '../../losses/loss.js';
import { checkModelDigest, readConfig } from '../../models/folder.js';
import { isAdapterFolder, readAdapter } from '../../models/lora/folder.js';
import type { Tensors } from '../../models/safetensors.js';
import { trainSample } from '../../operators/learn.js';
import { learnLoss } from '../../pipelines/plan/learn-loss.js';
import { baseFolder } from '../../pipelines/plan/model.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import type { Advantage } from '../../records/records.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { weightsFolder } from '../../runs/weights/publisher.js';
import { recordedWeights } from '../../runs/weights/recorded.js';
import { at, get } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { headerPlace } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';
import { withBase } from '../recorded.js';

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
  was: RunFolder,
  is: TopicLog,
  plan: Plan,
  folder: string,
  step: number,
): Promise<GradientDifference | null> {
  const samples = await samplesOf(was.log, step);
  const newest = Math.max(0, ...samples.map(({ policyVersion }) => policyVersion));
  const versions = Array.from({ length: newest + 1 }, (_, back) => newest - back);
  const version = versions.find((one) => existsSync(join(folder, weightsFolder(one))));
  const model = version === undefined ? undefined : await soundModel(was, folder, version);
  if (version === undefined || model === undefined) return null;
  const learner = await createLearner({
    ...model,
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

/** What a learner opens of a run's version. */
export type RecordedModel = Pick<Extract<LearnerOptions, { folder: string }>, 'folder' | 'adapter'>;

/**
 * The model of a version: its folder, or the base with its adapter; undefined where its weights are gone.
 * @throws {UserError} where they are damaged
 */
export async function soundModel(
  { log, manifest }: Pick<RunFolder, 'log' | 'manifest'>,
  folder: string,
  version: number,
): Promise<RecordedModel | undefined> {
  const weights = join(folder, weightsFolder(version));
  if (!existsSync(weights)) return undefined;
  const digest = (await recordedWeights(log)).get(version)?.digest;
  if (digest !== undefined) checkModelDigest(weights, digest);
  if (!isAdapterFolder(weights)) return { folder: weights };
  const spec = withBase(manifest, resolve(folder));
  const base = baseFolder(spec, manifest.folder);
  return { folder: base, adapter: { ...readAdapter(weights, readConfig(base)), base: spec.model.base } };
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
