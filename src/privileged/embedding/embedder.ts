import { cpus } from 'node:os';
import { createPool } from '../../support/workers/pool.js';
import { threads } from '../../support/workers/transport.js';
import { workerUrl } from '../../support/workers/url.js';
import { embeddingModelHash, readEmbeddingModel } from './model.js';

/** Embeds texts in worker threads. Vectors have length 1, so their dot product is the cosine. */
export interface Embedder {
  /** Content hash of the model and its settings. */
  readonly hash: string;
  query(text: string): Promise<Float32Array>;
  passage(text: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a sentence-embedding model from a local folder; nothing is downloaded. The same text always gives the same
 * bits, whatever else runs.
 * @param workers number of threads; default one per core, at most 8
 * @throws {UserError} `bad-embedding-model`, here or with the first text
 */
export async function openEmbedder(folder: string, workers = Math.min(8, cpus().length)): Promise<Embedder> {
  const model = readEmbeddingModel(folder);
  const hash = await embeddingModelHash(model);
  const pool = createPool<string>({
    start: threads(workerUrl('./worker.js', import.meta.url), model),
    size: workers,
    capacity: 1,
  });
  const embed = async (text: string): Promise<Float32Array> => (await pool.call(text, 1)) as Float32Array;
  return {
    hash,
    query: (text) => embed(model.prefixes.query + text),
    passage: (text) => embed(model.prefixes.passage + text),
    close: pool.close,
  };
}
