import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextBatch, type PlanOptions, plan, recordOffsets } from '../../../../src/topics/kafka/producer/plan.js';
import { sequenceAfter, timeoutOf } from '../../../../src/topics/kafka/producer/writer.js';
import { CHUNK, sizeOf } from '../../../../src/topics/kafka/protocol/chunks.js';
import type { Append } from '../../../../src/topics/log.js';

const client = { partitions: async () => 3 };
const options: PlanOptions = { limit: 4096, isCompacted: async (topic) => topic === 'compacted' };

const appendOf = (key: string, bytes: number, topic = 'plain'): Append => {
  return { topic, key, value: new Uint8Array(bytes) };
};
const appends = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 12_000 })).map(([key, bytes]) => {
    return appendOf(key, bytes);
  }),
  { maxLength: 12 },
);

/** Writes every batch to partitions that already contain `begin` messages. */
async function writeAll(records: readonly Append[], begin = 100n) {
  const planned = await plan(client, records, options);
  const batches = [];
  const ends = new Map<string, bigint>();
  for (let round = 0; ; round++) {
    const next = planned.partitions.flatMap((outgoing) => nextBatch(outgoing, round));
    if (next.length === 0) break;
    for (const batch of next) {
      const base = ends.get(batch.id) ?? begin;
      recordOffsets(batch, base);
      ends.set(batch.id, base + BigInt(batch.messages.length));
      batches.push({ ...batch, base });
    }
  }
  return { batches, positions: planned.positions(), ends };
}

describe('batches of a transaction', () => {
  it('never exceed the limit in bytes', () =>
    fc.assert(
      fc.asyncProperty(appends, async (records) => {
        const { batches } = await writeAll(records);
        for (const { messages } of batches) {
          // The offset of the first chunk was added after the batch was planned.
          const planned = messages.map(({ headers: { [CHUNK.first]: _, ...headers }, ...rest }) => ({
            ...rest,
            headers,
          }));
          expect(planned.reduce((sum, message) => sum + sizeOf(message), 0)).toBeLessThanOrEqual(options.limit);
        }
      }),
    ));

  it('contain the bytes of every record once', () =>
    fc.assert(
      fc.asyncProperty(appends, async (records) => {
        const { batches } = await writeAll(records);
        const written = batches.flatMap(({ messages }) => messages.map(({ value }) => value?.byteLength));
        const total = (sizes: readonly (number | undefined)[]) =>
          sizes.reduce<number>((sum, size) => sum + Number(size), 0);
        expect(total(written)).toBe(total(records.map(({ value }) => value?.byteLength)));
      }),
    ));

  it('position each record after its last message', () =>
    fc.assert(
      fc.asyncProperty(appends, async (records) => {
        const { positions, ends } = await writeAll(records);
        expect(positions).toHaveLength(records.length);
        const last = new Map(positions.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]));
        expect(last).toEqual(ends);
      }),
    ));

  it('name the offset of the first chunk in every later chunk', async () => {
    const { batches } = await writeAll([appendOf('a', 10), appendOf('a', 12_000)]);
    const messages = batches.flatMap(({ messages: own }) => own);
    const chunks = messages.filter(({ headers }) => headers[CHUNK.count] !== undefined);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.slice(1).map(({ headers }) => headers[CHUNK.first])).toEqual(chunks.slice(1).map(() => '101'));
  });

  it('contain no chunks for a compacted topic', async () => {
    await expect(plan(client, [appendOf('a', 12_000, 'compacted')], options)).rejects.toThrow(
      'compacted, key a: 12000 bytes do not fit in a message of 4096',
    );
  });
});

describe('sequence numbers of a producer', () => {
  it('count the messages', () => expect(sequenceAfter(5, 3)).toBe(8));
  it('wrap from 2^31 - 1 to 0', () => {
    expect(sequenceAfter(0x7ffffffe, 1)).toBe(0x7fffffff);
    expect(sequenceAfter(0x7fffffff, 1)).toBe(0);
    expect(sequenceAfter(0x7ffffffe, 4)).toBe(2);
  });
});

it.each([
  [0, 10],
  [40_000_000, 10],
  [40_000_001, 20],
  [512_000_000, 160],
  [2 ** 31, 640],
  [2 ** 40, 900],
])('a transaction of %i bytes has %i s', (bytes, seconds) => {
  expect(timeoutOf(bytes)).toBe(1000 * seconds);
});

it('a plan counts the bytes of all values', async () => {
  const none: Append = { topic: 'plain', key: 'c', value: null };
  expect((await plan(client, [appendOf('a', 10_000), appendOf('b', 5), none], options)).bytes).toBe(10_005);
});
