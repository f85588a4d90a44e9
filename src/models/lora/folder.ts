import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest, UserError } from '../../support/errors.js';
import type { ModelConfig } from '../config.js';
import { refuseOther } from '../folder.js';
import { type Json, readJson } from '../json-file.js';
import { readSafetensors, type Tensors, writeSafetensors } from '../safetensors.js';
import {
  type Adapter,
  adapterNames,
  adapterShapes,
  type Lora,
  type Projection,
  projectionShapes,
  projections,
} from './lora.js';

/** Files of an adapter's folder, as PEFT writes them. */
export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
/** What PEFT puts before the names of the model. */
const PREFIX = 'base_model.model.';

export const isAdapterFolder = (folder: string): boolean => existsSync(join(folder, ADAPTER_CONFIG));

const bad = (where: string, what: string): UserError => new UserError('bad-adapter', `${where}: ${what}`);

/** What an adapter's configuration says, as far as it can be known without its tensors. */
export interface AdapterSettings extends Omit<Lora, 'modules'> {
  /** Folder or name of the model that it was trained over, as written. */
  readonly base: string | undefined;
}

/** Fields of PEFT's LoRA that change what an adapter computes, with the values under which they change nothing. */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  use_dora: [false],
  use_qalora: [false],
  bias: ['none'],
  lora_bias: [false],
  fan_in_fan_out: [false],
  rank_pattern: [{}],
  alpha_pattern: [{}],
  modules_to_save: [[]],
  layers_to_transform: [[]],
  trainable_token_indices: [[], {}],
  target_parameters: [[]],
  alora_invocation_tokens: [[]],
  layer_replication: [[]],
  megatron_config: [],
  arrow_config: [],
  kasa_config: [],
  monteclora_config: [],
  velora_config: [],
  use_bdlora: [false],
  // The others, such as PiSSA, also change the model under the adapter.
  init_lora_weights: [true, false, 'gaussian', 'eva', 'orthogonal'],
};

/**
 * Reads `adapter_config.json`.
 * @throws {UserError} `bad-adapter` naming file and field, for what is malformed or not supported
 */
export function readAdapterSettings(folder: string): AdapterSettings {
  const file = join(folder, ADAPTER_CONFIG);
  const json = readJson(file);
  const fail = (field: string, expected: string): never => {
    const value = json[field];
    throw bad(
      file,
      `field "${field}" is ${value === undefined ? 'missing' : JSON.stringify(value)}; expected ${expected}`,
    );
  };
  if (json.peft_type !== 'LORA') fail('peft_type', '"LORA", the only kind of adapter that is supported');
  for (const [field, values] of Object.entries(neutral)) {
    const value = json[field];
    if (value === undefined || value === null || values.some((one) => JSON.stringify(one) === JSON.stringify(value)))
      continue;
    fail(field, `${values.length > 0 ? JSON.stringify(values[0]) : 'nothing'}: adapters with it are not supported`);
  }
  const positive = (field: string): number => {
    const value = json[field];
    return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : fail(field, 'a positive number');
  };
  const rank = positive('r');
  if (!Number.isSafeInteger(rank)) fail('r', 'a whole number from 1');
  const rslora = json.use_rslora ?? false;
  if (typeof rslora !== 'boolean') fail('use_rslora', 'true or false');
  const base = json.base_model_name_or_path;
  return {
    rank,
    alpha: positive('lora_alpha'),
    rslora: rslora === true,
    base: typeof base === 'string' ? base : undefined,
  };
}

/**
 * Reads an adapter in PEFT's layout and checks it against the model that it goes over.
 * @param digest SHA-256 of adapter_model.safetensors, where it is known
 * @throws {UserError} `bad-adapter`, `bad-model-file` naming file and field or tensor; `damaged-weights` where the
 * digest is another
 */
export function readAdapter(folder: string, config: ModelConfig, digest?: string): Adapter {
  const { rank, alpha, rslora } = readAdapterSettings(folder);
  const file = join(folder, ADAPTER_WEIGHTS);
  const hash = digest === undefined ? undefined : createHash('sha256');
  const found = readSafetensors(file, hash);
  if (hash && digest !== undefined) refuseOther(folder, hash.digest('hex'), digest);
  const named: Tensors = new Map();
  for (const [name, tensor] of found) {
    if (!name.startsWith(PREFIX)) throw bad(file, `tensor ${name}: expected names that begin with ${PREFIX}`);
    named.set(name.slice(PREFIX.length), tensor);
  }
  const modules = [...projectionShapes(config).keys()].filter((module) => {
    const { a, b } = adapterNames(module);
    return named.has(a) || named.has(b);
  });
  const lora: Lora = { rank, alpha, rslora, modules };
  return { lora, parameters: fitted(file, named, adapterShapes(config, lora), config) };
}

/**
 * Checks that an adapter's configuration is the one that it was written with: its digest covers the weights alone.
 * @throws {UserError} `damaged-weights`; `bad-adapter`
 */
export function checkAdapterSettings(folder: string, lora: Lora): void {
  const found = readAdapterSettings(folder);
  for (const field of ['rank', 'alpha', 'rslora'] as const)
    if (found[field] !== lora[field])
      throw new UserError(
        'damaged-weights',
        `${join(folder, ADAPTER_CONFIG)}: ${field} is ${found[field]}, expected ${lora[field]}, with which it was made`,
      );
}

/** The tensors in the model's order, each of the expected shape, and no other. */
function fitted(
  file: string,
  found: Tensors,
  shapes: ReadonlyMap<string, readonly number[]>,
  config: ModelConfig,
): Tensors {
  for (const name of found.keys()) {
    if (shapes.has(name)) continue;
    const known = [...projectionShapes(config).keys()].flatMap((module) => Object.values(adapterNames(module)));
    const near = nearest(name, known);
    throw bad(
      file,
      `tensor ${PREFIX}${name} belongs to no projection of a ${config.modelType} model of ${config.layers} layers` +
        `${near ? ` (there is ${PREFIX}${near})` : ''}; is the adapter another model's?`,
    );
  }
  const parameters: Tensors = new Map();
  for (const [name, shape] of shapes) {
    const tensor = found.get(name);
    if (tensor?.shape.join() !== shape.join())
      throw bad(
        file,
        `tensor ${PREFIX}${name} ${tensor ? `has shape [${tensor.shape}]` : 'is missing'}, expected [${shape}]: ` +
          `r of ${ADAPTER_CONFIG} and the model's sizes`,
      );
    parameters.set(name, tensor);
  }
  if (parameters.size === 0) throw bad(file, 'there is no adapter in it, expected lora_A and lora_B of projections');
  return parameters;
}

/** The contents of `adapter_config.json`. @param base what is recorded as the model under the adapter */
export function adapterConfig({ rank, alpha, rslora, modules }: Lora, base: string): Json {
  const isTarget = (target: Projection): boolean => modules.some((name) => name.endsWith(`.${target}`));
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: alpha,
    use_rslora: rslora,
    use_dora: false,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    inference_mode: true,
    modules_to_save: null,
    target_modules: targetsOf(modules, projections.filter(isTarget)),
  };
}

/** Kinds of projections where all layers have them, full names otherwise. */
function targetsOf(modules: readonly string[], kinds: readonly Projection[]): readonly string[] {
  const layers = new Set(modules.map((name) => name.replace(/\.\w+\.\w+$/, '')));
  return modules.length === layers.size * kinds.length ? kinds : modules;
}

/**
 * Writes an adapter in PEFT's layout, float32, the weights last.
 * @param base what is recorded as the model under it
 * @returns SHA-256 of adapter_model.safetensors
 */
export function writeAdapter(folder: string, { lora, parameters }: Adapter, base: string): string {
  writeAdapterConfig(folder, lora, base);
  const named = new Map([...parameters].map(([name, tensor]) => [`${PREFIX}${name}`, tensor]));
  return writeSafetensors(join(folder, ADAPTER_WEIGHTS), named, { metadata: { format: 'pt' } });
}

/** Writes `adapter_config.json` alone. @param base what is recorded as the model under the adapter */
export function writeAdapterConfig(folder: string, lora: Lora, base: string): void {
  mkdirSync(folder, { recursive: true });
  const partial = join(folder, `${ADAPTER_CONFIG}.${process.pid}.partial`);
  writeFileSync(partial, `${JSON.stringify(adapterConfig(lora, base), null, 2)}\n`);
  renameSync(partial, join(folder, ADAPTER_CONFIG));
}
