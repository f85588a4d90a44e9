import type { TrainSample } from '../../src/learner/samples.js';
import { randomFloats, randomTokens } from '../engines/onnx/graph/models.js';

/** A sample of random tokens, scores and advantages, all of it trained but every fifth token. */
export function sampleOf(seed: number, prompt: number, completion: number, vocabSize: number): TrainSample {
  const scores = randomFloats(completion, seed + 1);
  return {
    promptTokens: Int32Array.from(randomTokens(prompt, vocabSize, seed + 2)),
    completionTokens: Int32Array.from(randomTokens(completion, vocabSize, seed + 3)),
    mask: Uint8Array.from({ length: completion }, (_, t) => (t % 5 === 4 ? 0 : 1)),
    samplingLogprobs: scores.map((score) => score - 3.4),
    tokenAdvantages: randomFloats(completion, seed + 4, 2).map((value, t) => (t % 5 === 4 ? 0 : value)),
    temperature: 0.9,
  };
}
