import type { Ranker } from '../lookup/ranker.js';
import type { ChunkPlace } from '../records.js';
import type { VectorCache } from './cache.js';
import type { Embedder } from './embedder.js';

/** The nearest by the cosine of an embedding model's vectors: all are compared, and all are in memory. */
export function nearestVectors(embedder: Pick<Embedder, 'query' | 'passage'>, cache?: VectorCache): Ranker {
  const vectors = new Map<number, Float32Array>();
  return {
    async add(passages) {
      const made: [ChunkPlace, Float32Array][] = [];
      const embed = async (place: ChunkPlace, text: string): Promise<Float32Array> => {
        const vector = await embedder.passage(text);
        made.push([place, vector]);
        return vector;
      };
      await Promise.all(
        passages.map(async ({ number, place, text }) => {
          vectors.set(number, cache?.get(place) ?? (await embed(place, text)));
        }),
      );
      cache?.add(made);
    },
    remove: (number) => void vectors.delete(number),
    swept: async () => {},
    async rank(text) {
      const query = await embedder.query(text);
      // Rounded, so that equal texts are equal and their order is that of the documents.
      const score = (vector: Float32Array): number => Math.round(inner(query, vector) * 1e6) / 1e6;
      return Array.from(vectors, ([number, vector]) => ({ number, score: score(vector) }));
    },
  };
}

function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d] ?? 0) * (b[d] ?? 0);
  return sum;
}
