import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTokenizer } from '../../src/models/bpe.js';
import { parseConfig } from '../../src/models/config.js';
import { writeModelFolder } from '../../src/models/folder.js';
import { initModel } from '../../src/models/init.js';

export interface TinyModel {
  readonly modelType?: 'llama' | 'qwen2' | 'qwen3';
  readonly tied?: boolean;
  readonly seed?: number;
  readonly hiddenSize?: number;
  readonly layers?: number;
  readonly contextLength?: number;
  /** Factor on every matrix: above 1, the distributions of the random model get sharper. */
  readonly gain?: number;
  /** Where to write; a new temporary folder otherwise. */
  readonly folder?: string;
}

/** Words that are one token each in a tiny model's vocabulary. */
export const tinyWords: readonly string[] = [
  '+',
  '=',
  '-',
  '.',
  '\n',
  'Answer',
  'the',
  ...Array.from({ length: 40 }, (_, n) => String(n)),
];

/** Writes a tiny random model as a Hugging Face folder; the same options, the same bytes. @returns the folder */
export function tinyModel(options: TinyModel = {}): string {
  const {
    modelType = 'llama',
    tied = true,
    seed = 1,
    hiddenSize = 32,
    layers = 2,
    contextLength = 128,
    gain = 1,
  } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'rlsd-tiny-'));
  const { files, vocabSize } = makeTokenizer(tinyWords);
  const json = {
    architectures: [{ llama: 'LlamaForCausalLM', qwen2: 'Qwen2ForCausalLM', qwen3: 'Qwen3ForCausalLM' }[modelType]],
    model_type: modelType,
    hidden_size: hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: hiddenSize / 4,
    intermediate_size: hiddenSize * 2,
    vocab_size: vocabSize,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: tied,
    max_position_embeddings: contextLength,
    hidden_act: 'silu',
    attention_bias: false,
    eos_token_id: vocabSize - 4,
    torch_dtype: 'float32',
  };
  const config = parseConfig(json, 'config.json');
  const parameters = initModel(config, seed);
  if (gain !== 1)
    for (const { shape, data } of parameters.values())
      if (shape.length === 2) for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) * gain;
  const text = new TextEncoder();
  writeModelFolder(folder, {
    config,
    parameters,
    files: new Map([
      ['config.json', text.encode(JSON.stringify(json, null, 2))],
      ...Object.entries(files).map(([name, content]): [string, Uint8Array] => [name, text.encode(content)]),
    ]),
  });
  return folder;
}
