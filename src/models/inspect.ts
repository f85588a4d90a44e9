import { basename, join } from 'node:path';
import { UserError } from '../support/errors.js';
import { folderTemplate, readChatTemplate } from './chat-template.js';
import { inspectConfig, type ModelConfig } from './config.js';
import { familyOf } from './families/family.js';
import { checkFolder, checkShapes, isRedundant, weightPlaces } from './folder.js';
import { readJson } from './json-file.js';
import type { TensorPlace } from './safetensors.js';
import { readTokenizer, type Tokenizer } from './tokenizer.js';

/** What a checkpoint is, from its files without reading the weights. */
export interface ModelReport {
  /** `model_type` of config.json. */
  readonly modelType: unknown;
  /** For people; undefined for a family that is not supported. */
  readonly family: string | undefined;
  /** The architecture, as far as it is supported. */
  readonly config: ModelConfig | undefined;
  readonly weights: {
    readonly parameters: number;
    readonly tensors: number;
    /** Tensors of each type. */
    readonly dtypes: Readonly<Record<string, number>>;
    readonly files: number;
  };
  readonly tokenizer:
    | { readonly type: string; readonly tokens: number; readonly endTokens: readonly EndToken[] }
    | undefined;
  /** The file with the chat template. */
  readonly template: string | undefined;
  /** What keeps the engine from running it: each with file and field, tensor or token. */
  readonly problems: readonly string[];
}

export interface EndToken {
  readonly id: number;
  readonly text: string;
}

/** @throws {UserError} where there is no such folder, or no config.json in it */
export function inspectModel(folder: string): ModelReport {
  checkFolder(folder);
  const file = join(folder, 'config.json');
  const json = readJson(file);
  const { config, problems: fields } = inspectConfig(json, file);
  const problems = [...fields];
  const attempt = <T>(make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const places = attempt(() => weightPlaces(folder)) ?? [];
  // Where fields were refused, shapes would be those of another model.
  if (config && fields.length === 0 && places.length > 0) attempt(() => checkShapes(folder, config, places));
  const tokenizer = attempt(() => readTokenizer(folder, config?.vocabSize ?? Number.MAX_SAFE_INTEGER));
  const template = attempt(() => folderTemplate(folder));
  if (tokenizer && template) attempt(() => readChatTemplate(folder, tokenizer));
  return {
    modelType: json.model_type,
    family: config && familyOf(config.modelType).title,
    config,
    weights: weightsOf(places.filter(({ name }) => !config || !isRedundant(name, config))),
    tokenizer: tokenizer && tokenizerOf(folder, tokenizer),
    template: template && basename(template.where),
    problems,
  };
}

function weightsOf(places: readonly TensorPlace[]): ModelReport['weights'] {
  const dtypes: Record<string, number> = {};
  for (const { dtype } of places) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  return {
    parameters: places.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    tensors: places.length,
    dtypes,
    files: new Set(places.map((place) => place.file)).size,
  };
}

function tokenizerOf(folder: string, { eosIds, size, decode }: Tokenizer): ModelReport['tokenizer'] {
  const { model } = readJson(join(folder, 'tokenizer.json'));
  const { type, byte_fallback: fallback } = model as { readonly type?: unknown; readonly byte_fallback?: unknown };
  return {
    type: `${type ?? 'BPE'}${fallback === true ? ' with byte fallback' : ''}`,
    tokens: size,
    endTokens: eosIds.map((id) => ({ id, text: decode(Int32Array.of(id), { skipSpecial: false }) })),
  };
}
