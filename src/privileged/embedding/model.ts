import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloadHint } from '../../models/folder.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';

/** How token vectors become one: their mean, the first token's (CLS), or the maximum of each dimension. */
export type Pooling = 'mean' | 'cls' | 'max';

/** A sentence-embedding model in a folder, as Hugging Face exports it to ONNX. */
export interface EmbeddingModel {
  readonly folder: string;
  /** The ONNX file. */
  readonly file: string;
  readonly pooling: Pooling;
  /** Maximum tokens of a text, special tokens included; longer texts are cut at their end. */
  readonly maxTokens: number;
  /** Prefixes that the model was trained with; empty for most models. */
  readonly prefixes: { readonly query: string; readonly passage: string };
}

/**
 * Reads an embedding model's settings from its folder: `model.onnx` or `onnx/model.onnx`, `tokenizer.json`, and if they
 * exist
 * `1_Pooling/config.json`, `sentence_bert_config.json`, `config_sentence_transformers.json` and `config.json`.
 * @throws {UserError} `bad-embedding-model` with the file, what was found and what was expected
 */
export function readEmbeddingModel(folder: string): EmbeddingModel {
  if (!existsSync(folder))
    throw bad(folder, `no such folder; expected a sentence-embedding model exported to ONNX${downloadHint(folder)}`);
  const file = ['model.onnx', 'onnx/model.onnx'].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (!file) throw bad(folder, 'found neither model.onnx nor onnx/model.onnx; expected a model exported to ONNX');
  if (!existsSync(join(folder, 'tokenizer.json'))) throw bad(folder, 'tokenizer.json is missing');
  return {
    folder,
    file,
    pooling: poolingOf(folder),
    maxTokens: maxTokensOf(folder),
    prefixes: prefixesOf(folder),
  };
}

/** SHA-256 of everything that decides a vector: the ONNX file and its external data, the tokenizer and the settings. */
export async function embeddingModelHash(model: EmbeddingModel): Promise<string> {
  const { file, folder, pooling, maxTokens, prefixes } = model;
  const hashes = [file, `${file}_data`, `${file}.data`, join(folder, 'tokenizer.json')]
    .filter((path) => existsSync(path))
    .map(async (path) => {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
      return hash.digest('hex');
    });
  return digest(...(await Promise.all(hashes)), JSON.stringify({ pooling, maxTokens, prefixes }));
}

function poolingOf(folder: string): Pooling {
  const file = join(folder, '1_Pooling', 'config.json');
  const config = readObject(file);
  if (!config) return 'mean';
  const modes: Readonly<Record<string, Pooling>> = {
    pooling_mode_mean_tokens: 'mean',
    pooling_mode_cls_token: 'cls',
    pooling_mode_max_tokens: 'max',
  };
  const named = typeof config.pooling_mode === 'string' ? [config.pooling_mode] : [];
  const set = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  const wanted = [...named, ...set.map((key) => modes[key] ?? key)];
  const [only] = wanted;
  const known = ['mean', 'cls', 'max'] as const;
  const pooling = known.find((mode) => mode === only);
  if (wanted.length === 1 && pooling) return pooling;
  const near = only === undefined ? undefined : nearest(only, known);
  throw bad(
    file,
    `found pooling ${wanted.join(' and ') || '(none)'}, expected one of ` +
      `${known.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
  );
}

/** The smallest of the limits in the folder, at most 512. */
function maxTokensOf(folder: string): number {
  const limits = [
    readObject(join(folder, 'sentence_bert_config.json'))?.max_seq_length,
    readObject(join(folder, 'tokenizer_config.json'))?.model_max_length,
    readObject(join(folder, 'config.json'))?.max_position_embeddings,
  ].filter((limit) => typeof limit === 'number' && limit >= 2);
  return Math.min(512, ...(limits as number[]));
}

function prefixesOf(folder: string): EmbeddingModel['prefixes'] {
  const prompts = readObject(join(folder, 'config_sentence_transformers.json'))?.prompts;
  const named = (typeof prompts === 'object' && prompts !== null ? prompts : {}) as Readonly<Record<string, unknown>>;
  const text = (...names: string[]): string => {
    const found = names.map((name) => named[name]).find((value) => typeof value === 'string');
    return typeof found === 'string' ? found : '';
  };
  return { query: text('query'), passage: text('passage', 'document') };
}

function readObject(file: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported below, together with JSON that is not an object.
  }
  throw bad(file, 'not a JSON object');
}

const bad = (where: string, what: string): UserError => new UserError('bad-embedding-model', `${where}: ${what}`);
