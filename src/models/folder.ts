import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nearest, UserError } from '../support/errors.js';
import { type ModelConfig, parameterShapes, parseConfig } from './config.js';
import { type Json, readJson } from './json-file.js';
import {
  fileDigest,
  listSafetensors,
  readSafetensors,
  type Tensor,
  type TensorPlace,
  type Tensors,
  writeSafetensors,
} from './safetensors.js';
import type { DType } from './weights/halves.js';
import { checkFinite } from './weights/weight-values.js';

/** The contents of a Hugging Face model folder. */
export interface ModelFolder {
  readonly config: ModelConfig;
  /** Every other file by name (config.json, tokenizer, template …), written back unchanged. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** float32, by Hugging Face name, in the order of `parameterShapes`. */
  readonly parameters: Tensors;
  /** The types that the weights came in, and are written in; float32 where left out. */
  readonly dtypes?: ReadonlyMap<string, DType>;
}

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const ADAPTER = 'adapter_model.safetensors';
/** Files of a model besides its weights. */
const COMPANION = /\.(json|jinja|txt|model)$|^(README\.md|LICENSE(\.\w+)?)$/;

/** The architecture alone, without reading weights. @throws {UserError} when config.json is missing or not supported */
export function readConfig(folder: string): ModelConfig {
  checkFolder(folder);
  const file = join(folder, 'config.json');
  return parseConfig(readJson(file), file);
}

/**
 * Reads a whole model. A head in a file whose model ties it to the embedding is left out.
 * @throws {UserError} naming file, tensor, found and expected when anything is missing, truncated or does not fit
 * config.json
 */
export function readModelFolder(folder: string): ModelFolder {
  const config = readConfig(folder);
  const files = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder).sort())
    if (COMPANION.test(name) && name !== INDEX) files.set(name, readFileSync(join(folder, name)));
  const dtypes = new Map(weightPlaces(folder).map(({ name, dtype }) => [name, dtype]));
  return { config, files, parameters: readParameters(folder, config), dtypes };
}

/**
 * The weights alone, checked against `config`.
 * @param digest their `modelDigest`, where it is known
 * @throws {UserError} as `readModelFolder`; `damaged-weights` where their digest is another
 */
export function readParameters(folder: string, config: ModelConfig, digest?: string): Tensors {
  const found: Tensors = new Map();
  const origin = new Map<string, string>();
  const hash = digest === undefined ? undefined : createHash('sha256');
  for (const file of weightFiles(folder))
    for (const [name, tensor] of readSafetensors(file, hash)) {
      found.set(name, tensor);
      origin.set(name, file);
    }
  if (hash && digest !== undefined) refuseOther(folder, hash.digest('hex'), digest);
  return fitted(found, config, (name) => origin.get(name) ?? folder);
}

/**
 * Checks the weights as `readParameters` does, without keeping them, and that every value is a finite number.
 * @throws {UserError} as `readModelFolder`; `bad-weights`
 */
export function checkParameters(folder: string, config: ModelConfig): void {
  const places = new Map(weightPlaces(folder).map((place) => [place.name, place]));
  const parameters = fitted(places, config, (name) => places.get(name)?.file ?? folder);
  for (const place of parameters.values()) checkFinite(place);
}

/** Checks the names and shapes of a model's tensors. @throws {UserError} as `readModelFolder` */
export function checkShapes(folder: string, config: ModelConfig, places: readonly TensorPlace[]): void {
  const named = new Map(places.map((place) => [place.name, place]));
  fitted(named, config, (name) => named.get(name)?.file ?? folder);
}

/** Where the tensors of a model are, in the order of its files. */
export const weightPlaces = (folder: string): TensorPlace[] => weightFiles(folder).flatMap(listSafetensors);

/**
 * Writes a whole model as one Hugging Face folder, each tensor in the type that it came in, rounded to the nearest. The
 * weights come last, so a folder that has them is complete.
 * @returns SHA-256 of model.safetensors
 * @throws {UserError} `bad-weights` for a number beyond the range of its type
 */
export function writeModelFolder(folder: string, model: ModelFolder): string {
  const parameters = fitted(model.parameters, model.config, () => folder);
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of model.files) {
    const partial = join(folder, `${name}.${process.pid}.partial`);
    writeFileSync(partial, name === 'config.json' && !model.dtypes ? asFloat32(bytes) : bytes);
    renameSync(partial, join(folder, name));
  }
  rmSync(join(folder, INDEX), { force: true });
  return writeSafetensors(join(folder, WEIGHTS), parameters, {
    metadata: { format: 'pt' },
    ...(model.dtypes && { dtypes: model.dtypes }),
  });
}

/**
 * SHA-256 in hex of the bytes of the folder's weight files, a model's or an adapter's: the identity of a version of
 * the weights.
 */
export function modelDigest(folder: string): string {
  checkFolder(folder);
  return fileDigest(...weightFiles(folder));
}

/**
 * Checks weights that are not about to be read against their digest.
 * @throws {UserError} `damaged-weights`; `bad-model-folder`, `bad-model-file` where they are missing
 */
export function checkModelDigest(folder: string, digest: string): void {
  refuseOther(folder, modelDigest(folder), digest);
}

/** @throws {UserError} `damaged-weights` unless the digests are the same */
export function refuseOther(folder: string, found: string, expected: string): void {
  if (found === expected) return;
  throw new UserError(
    'damaged-weights',
    `${folder}: the weights are damaged: SHA-256 ${found}, expected ${expected}, with which they were published`,
  );
}

/** Whether an error says that a model folder is missing or damaged. */
export const isDamagedModel = (error: unknown): error is UserError =>
  error instanceof UserError && ['damaged-weights', 'bad-model-folder', 'bad-model-file'].includes(error.code);

/** A name such as HuggingFaceTB/SmolLM2-135M is one of the Hub, where a folder has to be. */
export function downloadHint(folder: string): string {
  const [owner, name] = [basename(dirname(folder)), basename(folder)];
  if (existsSync(dirname(folder)) || !/^[\w.-]+$/.test(owner) || !/^[\w.-]+$/.test(name)) return '';
  return `; a model of the Hugging Face Hub is downloaded first: \`hf download ${owner}/${name} --local-dir ${folder}\``;
}

/** @throws {UserError} `bad-model-folder` where there is no such folder */
export function checkFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  throw new UserError(
    'bad-model-folder',
    `${folder}: no such folder; expected a Hugging Face model folder${downloadHint(folder)}`,
  );
}

/** The weight files in the order of their names: a model's, or an adapter's only one. */
function weightFiles(folder: string): string[] {
  const adapter = join(folder, ADAPTER);
  if (existsSync(adapter)) return [adapter];
  const whole = join(folder, WEIGHTS);
  if (existsSync(whole)) return [whole];
  const index = join(folder, INDEX);
  if (!existsSync(index))
    throw new UserError('bad-model-file', `${whole}: the file is missing, and there is no ${INDEX} next to it`);
  const map = readJson(index).weight_map;
  if (typeof map !== 'object' || map === null)
    throw new UserError('bad-model-file', `${index}: weight_map is missing, expected an object from tensor to file`);
  const names = [...new Set(Object.values(map as Json))];
  const isName = (name: unknown): name is string => typeof name === 'string' && name !== '' && basename(name) === name;
  const other = names.find((name) => !isName(name));
  if (other !== undefined)
    throw new UserError(
      'bad-model-file',
      `${index}: weight_map: found ${JSON.stringify(other)}, expected the name of a file next to it`,
    );
  return names
    .filter(isName)
    .sort()
    .map((name) => join(folder, name));
}

/** The parameters in the model's order, each of the expected shape, and no other. */
function fitted<T extends Pick<Tensor, 'shape'>>(
  found: ReadonlyMap<string, T>,
  config: ModelConfig,
  where: (name: string) => string,
): Map<string, T> {
  const shapes = parameterShapes(config);
  const parameters = new Map<string, T>();
  for (const [name, shape] of shapes) {
    const tensor = found.get(name);
    if (!tensor) {
      const near = nearest(
        name,
        [...found.keys()].filter((other) => !shapes.has(other)),
      );
      throw mismatch(where(name), `tensor ${name} is missing, expected [${shape}]${near ? ` (there is ${near})` : ''}`);
    }
    if (tensor.shape.join() !== shape.join())
      throw mismatch(where(name), `tensor ${name} has shape [${tensor.shape}], config.json expects [${shape}]`);
    parameters.set(name, tensor);
  }
  for (const name of found.keys())
    if (!shapes.has(name) && !isRedundant(name, config))
      throw mismatch(
        where(name),
        `tensor ${name} belongs to no part of a ${config.modelType} model with this config.json`,
      );
  return parameters;
}

/** Tensors that repeat what the model already has: a tied head, and the frequencies that old exports store. */
export const isRedundant = (name: string, config: Pick<ModelConfig, 'tieWordEmbeddings'>): boolean =>
  (name === 'lm_head.weight' && config.tieWordEmbeddings) || name.endsWith('.rotary_emb.inv_freq');

const mismatch = (where: string, what: string): UserError => new UserError('bad-model-file', `${where}: ${what}`);

/** config.json of weights that are written in float32. */
function asFloat32(bytes: Uint8Array): Uint8Array {
  const config = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const stale = ['torch_dtype', 'dtype'].filter((key) => key in config && config[key] !== 'float32');
  if (stale.length === 0) return bytes;
  for (const key of stale) config[key] = 'float32';
  return new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`);
}
