import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLearner } from '../../learner/create.js';
import { checkModelDigest } from '../../models/folder.js';
import type { Tensors } from '../../models/safetensors.js';
import { trainSample } from '../../operators/learn.js';
import { learnLoss } from '../../pipelines/plan/learn-loss.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import { learnOf } from '../../pipelines/spec/sections.js';
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
  if (version === undefined) return null;
  const digest = (await recordedWeights(was)).get(version)?.digest;
  if (digest !== undefined) checkModelDigest(join(folder, weightsFolder(version)), digest);
  const { aggregate, lr } = learnOf(plan.spec);
  const learner = await createLearner({
    folder: join(folder, weightsFolder(version)),
    threads: 1,
    settings: { aggregate, lr },
    loss: await learnLoss(plan),
  });
  try {
    const before = await learner.gradient(samples.map(trainSample));
    const after = await learner.gradient((await samplesOf(is, step)).map(trainSample));
    return { step, version, cosine: cosine(before, after) };
  } finally {
    await learner.close();
  }
}

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
