import { cpus } from 'node:os';
import { createPool } from '../../support/worker-pool.js';
import { threads } from '../../support/worker-transport.js';
import { workerUrl } from '../../support/worker-url.js';
import { embeddingModelHash, readEmbeddingModel } from './model.js';

/** Turns texts into vectors of length 1, in worker threads; their inner product is the cosine. */
export interface Embedder {
  /** Content hash of the model and its settings. */
  readonly hash: string;
  query(text: string): Promise<Float32Array>;
  passage(text: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a sentence-embedding model from a local folder; nothing is downloaded. The same text gives the same bits, whatever runs beside.
 * @param workers threads that compute; by default one a core, 8 at most
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
