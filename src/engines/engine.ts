import type { z } from 'zod';
import type { Loss } from '../losses/loss.js';
import type { TemplateText } from '../models/chat-template.js';
import type { Adapter } from '../models/lora/lora.js';
import type { Message } from '../records/records.js';
import type { Policy, Sampling } from './policy.js';
import type { CompiledLoss, TrainableModel } from './trainable.js';

/** What an engine can do. A plan that asks for more is refused before it starts. */
export interface Capabilities {
  /** Draws completions. */
  readonly samples: boolean;
  /**
   * Log-probabilities of given tokens: none, of the tokens themselves, or also of the `k` likeliest at each position.
   */
  readonly scores: 'none' | 'sampled' | 'topK';
  /** Updates weights. */
  readonly trains: boolean;
  /** Runs low-rank adapters over a base model. */
  readonly adapters: boolean;
  /** Reads images in prompts. */
  readonly images: boolean;
  /** The same request gives the same bits, whatever else runs at the same time. */
  readonly bitReproducible: boolean;
  /** Values of `model.device`. */
  readonly devices: readonly string[];
  /**
   * How a new version of the weights reaches it: as a model folder, and with `adapters` also as an adapter's; as an
   * adapter's folder alone; or not at all.
   */
  readonly weights: 'folder' | 'adapter' | 'none';
}

/** Which model to run, and where. */
export interface ModelOptions {
  /** The base model: a Hugging Face folder. */
  readonly folder: string;
  /** One of the engine's devices. */
  readonly device: string;
  /** Parallel workers, such as threads. */
  readonly workers: number;
  /**
   * The day that a chat template prints, such as `2026-11-30`, asked for whenever a prompt is encoded. A run records
   * it, so that a resumed or replayed run reads the same prompts. Default: today.
   */
  readonly date?: () => string;
  /** A chat template in place of the folder's. */
  readonly template?: TemplateText;
  /** Whether this is a separate teacher model, which scores for a policy of another folder. */
  readonly isTeacher?: boolean;
}

/** What is checked of a model before a run. */
export interface CheckOptions extends ModelOptions {
  /** Conversations of the kind that the run will encode. */
  readonly conversations?: readonly (readonly Message[])[];
  /** How the run samples; undefined where it does not. */
  readonly sampling?: Sampling;
  /** Likeliest tokens of each position that the teacher names: 0 for none, undefined where nothing is scored. */
  readonly scores?: number | 'all';
  /** What new versions the run publishes; undefined where it publishes none. */
  readonly publishes?: 'weights' | 'adapters';
}

/** Which model to train, and where. */
export interface TrainableOptions extends Pick<ModelOptions, 'folder' | 'device'> {
  /** The adapter to train; the model's own parameters are then frozen. */
  readonly adapter?: Adapter;
  /** Names of the parameters to train; by default the adapter's or, without one, all. */
  readonly trainable?: readonly string[];
  /** Threads of one operator, where the engine computes on the processor. */
  readonly threads: number;
  /** Tokens, padding included, in one run of the model: memory against speed. */
  readonly microTokens: number;
}

/** A model to train, and what turns a loss into what that model runs. */
export interface OpenedTrainable {
  readonly model: TrainableModel;
  readonly compile: (loss: Loss) => CompiledLoss;
}

/** What an engine does, whatever it is called. */
export interface EngineBehavior {
  readonly capabilities: Capabilities;
  /** Problems with a model that can be found without running it, one line each. */
  readonly check?: (options: CheckOptions) => Promise<readonly string[]> | readonly string[];
  /** Opens the model for sampling and scoring; no version of the weights is loaded yet. */
  readonly openPolicy: (options: ModelOptions) => Promise<Policy>;
  /** Opens the model for training. Left out: the learner opens it on ONNX, in a thread of its own. */
  readonly openTrainable?: (options: TrainableOptions) => Promise<OpenedTrainable>;
}

/** An engine bound to its settings. */
export interface Engine extends EngineBehavior {
  readonly name: string;
  /** `NAME@HASH` of the settings, and of the module that a user's engine is from. */
  readonly id: string;
}

/**
 * Describes an engine: a name, settings and a function that makes the engine from checked settings. The pipeline file,
 * its JSON Schema and the documentation follow from it.
 */
export interface EngineDefinition<Settings extends z.ZodType = z.ZodType, Name extends string = string> {
  /** Lower-case letters, digits and `-`. */
  readonly name: Name;
  /** One sentence for tables. */
  readonly summary: string;
  /** Each field described with `.describe()`; the texts go into the JSON Schema and the documentation. */
  readonly settings: Settings;
  /** Names of settings that only say how it is reached: a run may continue with other values. Default: none. */
  readonly reach?: readonly string[];
  // Method syntax, so that a list takes definitions of any settings.
  create(settings: z.output<Settings>, context: EngineContext): EngineBehavior;
}

export interface EngineContext {
  /** What paths in the settings are relative to. */
  readonly folder: string;
}

/** What a pipeline asks of its engine, each with who asks. */
export interface EngineNeeds {
  readonly device: string;
  readonly samples?: { readonly by: string };
  readonly scores?: { readonly kind: 'sampled' | 'topK'; readonly by: string };
  readonly trains?: { readonly by: string };
  readonly adapters?: { readonly by: string };
}

const scoreLevels = ['none', 'sampled', 'topK'] as const;

/** What an engine lacks of these needs, one line each: field, found, expected. */
export function lacking({ name, capabilities }: Pick<Engine, 'name' | 'capabilities'>, needs: EngineNeeds): string[] {
  const { device, samples, scores, trains, adapters } = needs;
  const problems: string[] = [];
  const { devices } = capabilities;
  if (!devices.includes(device))
    problems.push(`model.device: found ${JSON.stringify(device)}, expected ${devices.join(' or ')} for engine ${name}`);
  if (samples && !capabilities.samples)
    problems.push(`model.engine: ${name} does not sample, which ${samples.by} needs; expected an engine that does`);
  if (scores && scoreLevels.indexOf(capabilities.scores) < scoreLevels.indexOf(scores.kind))
    problems.push(
      `model.engine: ${name} gives scores of kind ${capabilities.scores}; ` +
        `expected an engine with ${scores.kind} scores, which ${scores.by} needs`,
    );
  if (trains && !capabilities.trains)
    problems.push(`model.engine: ${name} does not train, which ${trains.by} needs; expected an engine that does`);
  if (trains && capabilities.weights === 'none')
    problems.push(`model.engine: ${name} takes no new weights, which ${trains.by} publishes`);
  if (trains && !adapters && capabilities.weights === 'adapter')
    problems.push(`model.lora: is missing; expected it, since ${name} takes new weights as adapters alone`);
  if (adapters && !capabilities.adapters)
    problems.push(`model.engine: ${name} runs no adapters, which ${adapters.by} needs; expected an engine that does`);
  return problems;
}
