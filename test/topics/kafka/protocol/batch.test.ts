import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchMessage, decodeBatches, encodeBatch } from '../../../../src/topics/kafka/protocol/batch.js';
import '../../../../src/topics/kafka/protocol/codecs.js';
import { decoder } from '../../../../src/topics/kafka/client/internals.js';

// kafkajs reads and writes the same format: each side is held against it.
const require = createRequire(import.meta.url);
const theirDecode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (data: unknown) => Promise<{
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  inTransaction: boolean;
  records: { offset: string; timestamp: string; key: Buffer; value: Buffer | null; headers: Record<string, Buffer> }[];
}>;
const { RecordBatch: theirEncode } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(options: object): Promise<{ buffer: Buffer }>;
};
const theirRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (message: object) => unknown;

const text = fc.string({ unit: 'binary', maxLength: 40 });
// kafkajs mistakes the names of what every object has for headers that came before.
const name = text.filter((one) => !(one in Object.prototype));
const message = fc.record({
  key: fc.oneof(
    text.map((s) => Buffer.from(s)),
    fc.uint8Array({ minLength: 120, maxLength: 140 }).map(() => Buffer.alloc(130, 'k')),
  ),
  value: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
  headers: fc.dictionary(name, text, { maxKeys: 4 }),
});
const messages = fc.array(message, { minLength: 1, maxLength: 150 });
const options = { producerId: 12_345_678_901n, producerEpoch: 7, firstSequence: 41, timestamp: 1_700_000_000_123 };
const plain = ({ key, value, headers }: BatchMessage) => ({
  key: Buffer.from(key).toString(),
  value,
  headers: { ...headers },
});

describe('record batches', () => {
  it.each([0, 1, 2])('can be read by kafkajs, compression %i', (compression) =>
    fc.assert(
      fc.asyncProperty(messages, async (wanted) => {
        const bytes = await encodeBatch(wanted, { ...options, compression });
        const found = await theirDecode(decoder(bytes));
        expect(found).toMatchObject({
          producerId: String(options.producerId),
          producerEpoch: 7,
          firstSequence: 41,
          inTransaction: true,
        });
        expect(
          found.records.map(({ key, value, headers }) => ({
            key: String(key),
            value,
            headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, String(bytes)])),
          })),
        ).toEqual(wanted.map(plain));
        expect(found.records.map(({ offset }) => Number(offset))).toEqual(wanted.map((_, i) => i));
      }),
      { numRuns: 40 },
    ),
  );

  it('have the same checksum as in kafkajs', async () => {
    const one = { key: Buffer.from('k'), value: Buffer.from('v'), headers: { a: 'b' } };
    const { timestamp, firstSequence, producerEpoch, producerId } = options;
    const theirs = await theirEncode({
      records: [theirRecord({ ...one, offsetDelta: 0, timestampDelta: 0 })],
      transactional: true,
      firstTimestamp: timestamp,
      maxTimestamp: timestamp,
      producerId: String(producerId),
      producerEpoch,
      firstSequence,
    });
    expect(await encodeBatch([one], { ...options, compression: 0 })).toEqual(theirs.buffer);
  });

  it('can be read from kafkajs: offsets, times before and after the first, repeated headers, truncation', () =>
    fc.assert(
      fc.asyncProperty(
        messages,
        fc.integer({ min: -5_000_000, max: 2 ** 40 }),
        fc.nat(),
        async (wanted, delta, cut) => {
          const records = wanted.map((one, i) =>
            theirRecord({
              ...one,
              headers: { ...one.headers, twice: ['1', '2'] },
              offsetDelta: i,
              timestampDelta: delta,
            }),
          );
          const { buffer } = await theirEncode({
            records,
            firstOffset: 2 ** 40,
            firstTimestamp: 10_000_000,
            lastOffsetDelta: wanted.length - 1,
          });
          const [found, ...more] = await decodeBatches(
            Buffer.concat([buffer, buffer.subarray(0, cut % buffer.byteLength)]),
          );
          expect(more).toEqual([]);
          expect(found).toMatchObject({
            firstOffset: BigInt(2 ** 40),
            lastOffset: BigInt(2 ** 40 + wanted.length - 1),
            inTransaction: false,
          });
          expect(found?.control).toBeUndefined();
          expect(found?.records.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(
            wanted.map((one) => ({ ...plain(one), headers: { ...one.headers, twice: '2' } })),
          );
          expect(found?.records.map(({ offset }) => offset)).toEqual(wanted.map((_, i) => BigInt(2 ** 40 + i)));
          for (const { timestamp } of found?.records ?? []) expect(timestamp).toBe(10_000_000 + delta);
        },
      ),
      { numRuns: 60 },
    ));

  it('distinguish transaction markers from records that look like them', async () => {
    for (const [number, control] of [
      [0, 'abort'],
      [1, 'commit'],
    ] as const) {
      const marker = { key: Buffer.from([0, 0, 0, number]), value: Buffer.alloc(6), headers: {} };
      const bytes = await encodeBatch([marker], { ...options, compression: 0 });
      expect((await decodeBatches(bytes))[0]?.control).toBeUndefined();
      bytes.writeInt16BE(bytes.readInt16BE(21) | 32, 21);
      expect((await decodeBatches(bytes))[0]).toMatchObject({ control, records: [] });
    }
  });

  it('are rejected in the format from before Kafka 0.11', async () => {
    const bytes = await encodeBatch([{ key: Buffer.from('k'), value: null, headers: {} }], {
      ...options,
      compression: 0,
    });
    bytes.writeInt8(1, 16);
    await expect(decodeBatches(bytes)).rejects.toThrow('format 1, expected 2');
  });
});
