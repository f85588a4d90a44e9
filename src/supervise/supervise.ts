import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createOnnxPolicy } from '../engines/onnx/policy.js';
import { createLearner } from '../learner/create.js';
import { parameterShapes } from '../models/config.js';
import { newDisposers } from '../runs/disposers.js';
import { UserError } from '../support/errors.js';
import { encode } from './demonstrations.js';
import { type HeldOutReport, measure } from './measure.js';
import { batches, type Prepared, prepare } from './prepare.js';
import { readSupervision } from './spec.js';

export type SuperviseEvent =
  | {
      readonly event: 'started';
      readonly name: string;
      readonly steps: number;
      readonly parameters: number;
      readonly vocabulary: number;
    }
  | {
      readonly event: 'step';
      /** From 1. */
      readonly step: number;
      readonly steps: number;
      /** Mean cross-entropy of the batch before the step, in nats per token. */
      readonly loss: number;
      readonly learningRate: number;
    }
  | { readonly event: 'warning'; readonly message: string };

export interface Supervised {
  readonly folder: string;
  readonly steps: number;
  readonly seconds: number;
  /** SHA-256 of the weights file. */
  readonly digest: string;
  /** null: nothing is held out. */
  readonly heldOut: HeldOutReport | null;
}

export interface SuperviseOptions {
  readonly sets?: readonly string[] | undefined;
  /** The model's folder. Default: `models/` and the name of the model. */
  readonly out?: string | undefined;
  /** Whether a model that is there already is replaced. */
  readonly overwrite?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: SuperviseEvent) => void;
}

/**
 * Makes the base model that a file describes: trains it on demonstrations, writes it, and measures it on held-out
 * prompts. The same file gives the same bytes.
 * @throws {UserError} `bad-spec`, `model-exists`, `bad-prompt`, `stopped`, and as sources, models and verifiers do
 */
export async function supervise(file: string, options: SuperviseOptions): Promise<Supervised> {
  const { sets, out, overwrite, signal, onEvent } = options;
  const started = performance.now();
  const supervision = readSupervision(file, sets);
  const folder = resolve(out ?? join('models', supervision.spec.supervise));
  if (!overwrite && existsSync(join(folder, 'config.json')))
    throw new UserError('model-exists', `${folder}: contains a model; expected a new folder, or --overwrite`);
  const disposers = newDisposers();
  try {
    const prepared = await prepare(supervision, disposers);
    const { spec, source } = prepared;
    const threads = spec.learn.threads ?? availableParallelism();
    const digest = await train(prepared, folder, threads, options);
    if (signal.aborted) throw new UserError('stopped', `${folder}: written, but not measured on held-out prompts`);
    const result = { folder, steps: spec.steps, digest };
    const seconds = () => (performance.now() - started) / 1000;
    if (source.heldOut.length === 0) return { ...result, seconds: seconds(), heldOut: null };
    const policy = disposers.use(await createOnnxPolicy({ folder, workers: threads, device: 'cpu' }));
    await policy.load(0, folder, digest);
    const failed = (message: string) => onEvent({ event: 'warning', message });
    const heldOut = await measure({ ...prepared, policy, failed });
    return { ...result, seconds: seconds(), heldOut };
  } finally {
    await disposers.dispose();
  }
}

/** @returns the digest of the weights that it writes */
async function train(
  prepared: Prepared,
  folder: string,
  threads: number,
  { signal, onEvent }: SuperviseOptions,
): Promise<string> {
  const { spec, start, config } = prepared;
  const { batch: _, threads: __, ...settings } = spec.learn;
  const { steps } = spec;
  const sizes = [...parameterShapes(config).values()].map((shape) => shape.reduce((a, b) => a * b, 1));
  const parameters = sizes.reduce((a, b) => a + b, 0);
  const learner = await createLearner({ folder: start, settings: { ...settings, totalSteps: steps }, threads });
  try {
    onEvent({ event: 'started', name: spec.supervise, steps, parameters, vocabulary: config.vocabSize });
    let step = 0;
    for await (const samples of batches(prepared)) {
      if (signal.aborted)
        throw new UserError('stopped', `stopped after ${step} of ${steps} steps; no model was written`);
      const { loss, learningRate } = await learner.supervise(samples);
      onEvent({ event: 'step', step: ++step, steps, loss, learningRate });
      if (step === steps) break;
    }
    return await learner.saveModel(folder);
  } finally {
    await learner.close();
  }
}

/**
 * Finds what is wrong with a file without training: every field, the templates on the first batch and on the held-out
 * prompts, their lengths, and whether they can be judged.
 * @returns how many prompts were looked at
 * @throws {UserError} as `supervise`
 */
export async function checkSupervision(file: string, sets: readonly string[] = []): Promise<number> {
  const disposers = newDisposers();
  try {
    const prepared = await prepare(readSupervision(file, sets), disposers);
    const { source, demonstrator, template, config, verifier } = prepared;
    const first = await batches(prepared).next();
    for (const item of source.heldOut) {
      for (const demonstrate of demonstrator.kinds) encode(demonstrate(item), template, config.maxPositionEmbeddings);
      const { itemId, question, answer, data } = item;
      await verifier?.checkItem?.({ itemId, question, reference: { answer, data } }, item.source);
    }
    return source.heldOut.length + (first.done ? 0 : first.value.length);
  } finally {
    await disposers.dispose();
  }
}
