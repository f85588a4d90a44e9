import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../../src/topics/kafka/protocol/batch.js';
import { committedMessages } from '../../../../src/topics/kafka/protocol/read.js';

function batch(
  first: number,
  producerId: bigint,
  keys: string[],
  kind: 'data' | 'commit' | 'abort' = 'data',
): RecordBatch {
  return {
    firstOffset: BigInt(first),
    lastOffset: BigInt(first + Math.max(keys.length, 1) - 1),
    inTransaction: true,
    ...(kind !== 'data' && { control: kind }),
    producerId,
    records: keys.map((key, i) => ({
      offset: BigInt(first + i),
      timestamp: 5,
      key,
      value: Buffer.from('v'),
      headers: { h: 'ü' },
    })),
  };
}
const fetched = (batches: RecordBatch[], aborted: [bigint, bigint][] = []) => ({
  topic: 't',
  partition: 0,
  error: 0,
  logStart: 0n,
  aborted: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset })),
  batches,
});
const keysOf = (batches: RecordBatch[], aborted: [bigint, bigint][], from = 0n) =>
  committedMessages(fetched(batches, aborted), from).messages.map(({ key }) => key);

describe('committed messages of a fetch', () => {
  it('exclude control records and move past them', () => {
    const { messages, next } = committedMessages(fetched([batch(0, 1n, ['a', 'b']), batch(2, 1n, [], 'commit')]), 0n);
    expect(messages.map(({ key, offset }) => [key, offset])).toEqual([
      ['a', 0n],
      ['b', 1n],
    ]);
    expect(next).toBe(3n);
  });

  it('exclude aborted transactions, whose producers may continue afterwards', () => {
    const batches = [
      batch(0, 1n, ['bad']),
      batch(1, 2n, ['good']),
      batch(2, 1n, [], 'abort'),
      batch(3, 1n, ['later']),
      batch(4, 1n, [], 'commit'),
    ];
    expect(keysOf(batches, [[1n, 0n]])).toEqual(['good', 'later']);
  });

  it('exclude several that began before the fetch, in whatever order they are listed', () => {
    const batches = [batch(10, 1n, ['x']), batch(11, 2n, ['y']), batch(12, 3n, ['z']), batch(13, 2n, [], 'abort')];
    expect(
      keysOf(
        batches,
        [
          [2n, 7n],
          [1n, 3n],
        ],
        10n,
      ),
    ).toEqual(['z']);
  });

  it('start at the requested offset, even within a batch', () => {
    expect(keysOf([batch(0, 1n, ['a', 'b', 'c'])], [], 2n)).toEqual(['c']);
  });

  it('move past a batch that compaction has emptied', () => {
    expect(committedMessages(fetched([{ ...batch(4, 1n, ['a']), lastOffset: 9n, records: [] }]), 4n).next).toBe(10n);
  });
});
