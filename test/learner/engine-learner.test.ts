import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { bindEngine, defineEngine } from '../../src/engines/bind.js';
import type { Engine } from '../../src/engines/engine.js';
import { registeredEngine } from '../../src/engines/engine-spec.js';
import { compileOnnxLoss } from '../../src/engines/onnx/compile-loss.js';
import { createOnnxTrainable } from '../../src/engines/onnx/trainable.js';
import { type EngineLearnerOptions, openEngineLearner } from '../../src/learner/engine-learner.js';
import { readModelFolder } from '../../src/models/folder.js';
import { tinyModel } from '../models/tiny-model.js';
import { sampleOf } from './samples.js';

const folder = tinyModel({ gain: 1.5 });
const { config } = readModelFolder(folder);
const samples = [1, 2, 3].map((seed) => sampleOf(seed, 5, 6, config.vocabSize));
const options: EngineLearnerOptions = { folder, device: 'cpu', threads: 1, settings: { lr: 1e-2 } };
const onnx = registeredEngine('onnx');

/** The ONNX engine, with a trainable model of its own on this thread. */
const onThisThread = bindEngine(
  defineEngine({
    name: 'here',
    summary: 'Trains on the calling thread.',
    settings: z.strictObject({}),
    create: () => ({
      capabilities: onnx.capabilities,
      openPolicy: onnx.openPolicy,
      openTrainable: async ({ folder: from, trainable, ...rest }) => {
        const { parameters, ...model } = readModelFolder(from);
        const subset = trainable && { trainable };
        return {
          model: createOnnxTrainable({ ...rest, ...subset, config: model.config, parameters }),
          compile: (loss) => compileOnnxLoss(model.config, loss, trainable),
        };
      },
    }),
  }),
  {},
);

async function trained(engine: Engine): Promise<readonly Float32Array[]> {
  const learner = await openEngineLearner(engine, options);
  onTestFinished(() => learner.close());
  await learner.step(samples);
  await learner.step(samples);
  return [...(await learner.weights()).values()].map(({ data }) => data);
}

describe('openEngineLearner', () => {
  it("trains the engine's model to the same bits as the ONNX thread", async () => {
    expect(await trained(onThisThread)).toEqual(await trained(onnx));
  });

  it('uses the learner that an engine provides', async () => {
    const learner = await openEngineLearner(onThisThread, options);
    const own = { ...onThisThread, openLearner: async () => learner };
    expect(await openEngineLearner(own, options)).toBe(learner);
    await learner.close();
  });
});
