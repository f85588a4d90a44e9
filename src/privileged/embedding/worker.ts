import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import { loadRuntime } from '../../engines/onnx/runtime.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { answerCalls } from '../../support/workers/answers.js';
import type { EmbeddingModel } from './model.js';
import { pool } from './pooling.js';

const model = workerData as EmbeddingModel;
const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');

const bad = (what: string): UserError => new UserError('bad-embedding-model', `${model.file}: ${what}`);
const explained = (error: unknown): UserError => bad(error instanceof Error ? error.message : String(error));

async function open() {
  const json = (name: string) => JSON.parse(readFileSync(join(model.folder, name), 'utf8'));
  let config = {};
  try {
    config = json('tokenizer_config.json');
  } catch {
    // Optional file.
  }
  const tokenizer = new Tokenizer(json('tokenizer.json'), config);
  // One thread, so that a text's bits do not depend on the number of cores.
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(model.file, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const known = ['input_ids', 'attention_mask', 'token_type_ids'];
  const unknown = session.inputNames.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw bad(`found inputs ${unknown.join(', ')}, expected only ${known.join(', ')}`);
  const named = ['sentence_embedding', 'last_hidden_state', 'token_embeddings'];
  const output =
    named.find((name) => session.outputNames.includes(name)) ??
    session.outputMetadata.find((one) => one.isTensor && one.type === 'float32' && one.shape.length === 3)?.name;
  if (output === undefined)
    throw bad(
      `found outputs ${session.outputNames.join(', ')}, expected ${named.join(', ')} or a float32 tensor of three ` +
        'dimensions',
    );
  return { runtime, tokenizer, session, output };
}

let opened: ReturnType<typeof open> | undefined;

/** The embedding of one text, a vector of length 1. */
async function embed(text: string): Promise<Float32Array> {
  opened ??= open();
  const { runtime, tokenizer, session, output } = await opened.catch((error) => {
    throw error instanceof UserError ? error : explained(error);
  });
  const { ids } = tokenizer.encode(text);
  // A cut text keeps its last token, the model's end marker.
  const kept = ids.length > model.maxTokens ? [...ids.slice(0, model.maxTokens - 1), ...ids.slice(-1)] : ids;
  const dims = [1, kept.length];
  const filled = (value: bigint) => new BigInt64Array(kept.length).fill(value);
  const inputs: Record<string, BigInt64Array> = {
    input_ids: BigInt64Array.from(kept, BigInt),
    attention_mask: filled(1n),
    token_type_ids: filled(0n),
  };
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [
      name,
      new runtime.Tensor('int64', required(inputs[name], `input ${name}`), dims),
    ]),
  );
  try {
    const result = (await session.run(feeds, [output]))[output];
    if (result?.type !== 'float32') throw bad(`output ${output}: found ${result?.type}, expected float32`);
    return pool(result.data as Float32Array, result.dims, model.pooling);
  } catch (error) {
    throw error instanceof UserError ? error : explained(error);
  }
}

answerCalls(port, embed);
