import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { privilegedTable } from '../../../src/privileged/documents/table.js';
import { forgetVectors, vectorCache } from '../../../src/privileged/embedding/cache.js';
import { openEmbedder } from '../../../src/privileged/embedding/embedder.js';
import { pool } from '../../../src/privileged/embedding/pooling.js';
import { nearestVectors } from '../../../src/privileged/embedding/ranker.js';
import { privilegedStore } from '../../../src/privileged/lookup/lookup.js';
import { itemRecord, privilegedAppend } from '../../../src/privileged/records.js';
import { memoryLog } from '../memory-log.js';
import { tinyEncoder } from './tiny-encoder.js';

function encoder(options = {}) {
  const made = tinyEncoder([['pump', 'compressor'], ['leaks', 'drips'], ['valve'], ['salary', 'wage']], options);
  onTestFinished(() => rmSync(made.folder, { recursive: true, force: true }));
  return made;
}

async function embedderOf(folder: string, workers = 1) {
  const embedder = await openEmbedder(folder, workers);
  onTestFinished(embedder.close);
  return embedder;
}

const unit = (vector: readonly number[]) => vector.map((value) => value / Math.hypot(...vector));
const close = (found: Float32Array, expected: readonly number[]) => {
  for (const [d, value] of found.entries()) expect(value).toBeCloseTo(expected[d] ?? Number.NaN, 5);
};

describe('an embedding model from a folder', () => {
  it('averages its token vectors, normalizes the result, and gives the same bits in every worker', async () => {
    const { folder, ids, vectorOf } = encoder();
    const embedder = await embedderOf(folder, 2);
    const text = 'pump leaks valve';
    const vectors = ids(text).map(vectorOf);
    const mean = unit((vectors[0] ?? []).map((_, d) => vectors.reduce((sum, vector) => sum + (vector[d] ?? 0), 0)));
    const found = await Promise.all(Array.from({ length: 6 }, () => embedder.passage(text)));
    close(found[0] ?? new Float32Array(), mean);
    for (const one of found) expect(one).toEqual(found[0]);
    expect(await embedder.query(text)).toEqual(found[0]);
  });

  it('follows the settings in its folder: pooling, prefixes and maximum length', async () => {
    const { folder, ids, vectorOf } = encoder({ file: 'model.onnx', output: 'token_embeddings' });
    const plain = (await embedderOf(folder)).hash;
    mkdirSync(join(folder, '1_Pooling'));
    writeFileSync(
      join(folder, '1_Pooling/config.json'),
      '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}',
    );
    const prompts = '{"prompts": {"query": "valve ", "document": ""}}';
    writeFileSync(join(folder, 'config_sentence_transformers.json'), prompts);
    const first = await embedderOf(folder);
    close(await first.query('pump'), unit(vectorOf(ids('valve')[0] ?? 0)));
    close(await first.passage('pump leaks'), unit(vectorOf(ids('pump')[0] ?? 0)));

    writeFileSync(join(folder, '1_Pooling/config.json'), '{"pooling_mode": "mean"}');
    writeFileSync(join(folder, 'sentence_bert_config.json'), '{"max_seq_length": 2}');
    const short = await embedderOf(folder);
    expect(await short.passage('pump leaks leaks valve')).toEqual(await short.passage('pump valve'));
    expect(new Set([plain, first.hash, short.hash]).size).toBe(3);
  });

  it('reports what is wrong with a folder', async () => {
    const refused = async (folder: string, ...parts: string[]) => {
      const text = openEmbedder(folder, 1).then(async (embedder) => {
        onTestFinished(embedder.close);
        await embedder.query('pump');
      });
      await expect(text).rejects.toMatchObject({ code: 'bad-embedding-model' });
      for (const part of parts) await expect(text).rejects.toThrow(part);
    };
    await refused('/nowhere/at/all', 'no such folder');
    const { folder } = encoder();
    mkdirSync(join(folder, '1_Pooling'));
    writeFileSync(join(folder, '1_Pooling/config.json'), '{"pooling_mode": "mena"}');
    await refused(folder, '1_Pooling/config.json', 'did you mean mean?');
    writeFileSync(join(folder, '1_Pooling/config.json'), '{');
    await refused(folder, 'not a JSON object');
    rmSync(join(folder, '1_Pooling'), { recursive: true });
    writeFileSync(join(folder, 'onnx/model.onnx'), 'not a model');
    await refused(folder, 'onnx/model.onnx');
    rmSync(join(folder, 'tokenizer.json'));
    await refused(folder, 'tokenizer.json is missing');
    rmSync(join(folder, 'onnx'), { recursive: true });
    await refused(folder, 'neither model.onnx nor onnx/model.onnx');
    expect(() => pool(new Float32Array(4), [2, 2], 'mean')).toThrow('[2, 2]');
    expect(() => pool(new Float32Array([Number.NaN, 1]), [1, 2], 'mean')).toThrow('finite');
  });
});

/** Documents of one chunk each. */
const documents = (texts: Readonly<Record<string, string>>, label: string | null = null) =>
  Object.entries(texts).map(([id, content]) =>
    privilegedAppend({
      ...itemRecord({ run: 'r', itemId: id, kind: 'document', content, source: id, time: 1, label }),
      documentId: id,
      itemId: null,
    }),
  );

describe('a search by embedding', () => {
  it('finds passages without a word in common with the question, but none with a label that is not allowed', async () => {
    const embedder = await embedderOf(encoder().folder);
    const log = memoryLog();
    await log.append(documents({ a: 'the pump leaks', b: 'a valve', c: 'salary' }));
    await log.append(documents({ d: 'compressor drips' }, 'hr'));
    const table = await privilegedTable(log);
    const options = { labels: [], shown: 'own', seed: 1, rankerOf: async () => nearestVectors(embedder) } as const;
    const found = async (joins: Parameters<typeof privilegedStore>[1]['joins'], labels: readonly string[] = []) => {
      const { pieces } = await (await privilegedStore(table, { ...options, joins, labels })).lookup(
        'x',
        'compressor drips',
      );
      return pieces.map(({ id }) => id);
    };
    expect(await found([{ search: 1, model: 'encoder' }])).toEqual(['a']);
    expect(await found([{ search: 9, model: 'encoder' }])).toHaveLength(3);
    expect(await found([{ search: 1, model: 'encoder' }], ['hr'])).toEqual(['d']);
    await expect(found([{ search: 1 }])).rejects.toMatchObject({ code: 'no-context' });
    // Words and meaning together, each passage once.
    expect(await found([{ search: 2 }, { search: 2, model: 'encoder' }], ['hr'])).toEqual(['d', 'a']);
  });

  it('compares the question with every passage', async () => {
    const vector = fc.float32Array({ minLength: 2, maxLength: 2, noNaN: true, min: -1, max: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(vector, { maxLength: 12 }), vector, async (vectors, query) => {
        const ranker = nearestVectors({
          query: async () => query,
          passage: async (text) => vectors[Number(text)] ?? new Float32Array(2),
        });
        const chunk = { id: 'd', version: 'v' };
        const passages = vectors.map((_, number) => ({
          number,
          chunk: { ...chunk, start: number },
          title: '',
          text: String(number),
        }));
        await ranker.add(passages);
        const score = (one: Float32Array) =>
          Math.round(one.reduce((sum, x, d) => sum + x * (query[d] ?? 0), 0) * 1e6) / 1e6;
        const ranked = await ranker.rank('');
        expect(ranked.map((one) => one.score)).toEqual(vectors.map(score));
      }),
    );
  });

  it('computes each vector once, stores it readable by the owner only, and removes it with its document', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'rlsd-vectors-')), 'vectors');
    onTestFinished(() => rmSync(join(folder, '..'), { recursive: true }));
    const made: string[] = [];
    const embedder = {
      query: async () => new Float32Array([1, 0]),
      passage: async (text: string) => {
        made.push(text);
        return new Float32Array([text.length, 1]);
      },
    };
    const version = 'f'.repeat(64);
    const passages = ['one', 'three'].map((text, number) => ({
      number,
      chunk: { id: text, version, start: 0 },
      title: '',
      text,
    }));
    const start = async (others: typeof passages = []) => {
      const ranker = nearestVectors(embedder, vectorCache(folder, 'ab'.repeat(32)));
      await ranker.add([...passages, ...others]);
      return [...(await ranker.rank(''))].map(({ score }) => score).sort((a, b) => a - b);
    };
    expect(await start()).toEqual([3, 5]);
    expect(await start()).toEqual([3, 5]);
    expect(made).toEqual(['one', 'three']);
    const [name = ''] = readdirSync(folder);
    expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    // A crash in the middle of a row.
    appendFileSync(join(folder, name), Buffer.alloc(7));
    const sevens = { number: 2, chunk: { id: 'seven', version, start: 0 }, title: '', text: 'sevenths' };
    expect(await start([sevens])).toEqual([3, 5, 8]);
    expect(await start([sevens])).toEqual([3, 5, 8]);
    expect(made.splice(2)).toEqual(['sevenths']);

    forgetVectors(folder, [{ id: 'one', version, start: 0 }]);
    expect(readFileSync(join(folder, name))).toHaveLength(2 * (32 + 8));
    expect(await start()).toEqual([3, 5]);
    expect(made).toEqual(['one', 'three', 'one']);
    forgetVectors(
      folder,
      [...passages, sevens].map(({ chunk }) => chunk),
    );
    expect(readdirSync(folder)).toEqual([]);
    forgetVectors(join(folder, 'never'), []);
  });
});
