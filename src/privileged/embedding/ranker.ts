import type { Ranker } from '../lookup/ranker.js';
import type { ChunkId } from '../records.js';
import type { VectorCache } from './cache.js';
import type { Embedder } from './embedder.js';

/** Ranks by the cosine between embeddings. Compares the query with every vector; all vectors are in memory. */
export function nearestVectors(embedder: Pick<Embedder, 'query' | 'passage'>, cache?: VectorCache): Ranker {
  const vectors = new Map<number, Float32Array>();
  return {
    async add(passages) {
      const made: [ChunkId, Float32Array][] = [];
      const embed = async (chunk: ChunkId, text: string): Promise<Float32Array> => {
        const vector = await embedder.passage(text);
        made.push([chunk, vector]);
        return vector;
      };
      await Promise.all(
        passages.map(async ({ number, chunk, text }) => {
          vectors.set(number, cache?.get(chunk) ?? (await embed(chunk, text)));
        }),
      );
      cache?.add(made);
    },
    remove: (number) => void vectors.delete(number),
    vacuum: async () => {},
    async rank(text) {
      const query = await embedder.query(text);
      // Rounded, so that equal texts tie and are ordered by document.
      const score = (vector: Float32Array): number => Math.round(dotProduct(query, vector) * 1e6) / 1e6;
      return Array.from(vectors, ([number, vector]) => ({ number, score: score(vector) }));
    },
  };
}

/** @throws {RangeError} for vectors of different length, such as a cached one of another model */
function dotProduct(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`embedding: found ${b.length} dimensions, expected ${a.length}`);
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += Number(a[d]) * Number(b[d]);
  return sum;
}
