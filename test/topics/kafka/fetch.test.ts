import { describe, expect, it } from 'vitest';
import { committedMessages } from '../../../src/topics/kafka/fetch.js';
import type { RecordBatch } from '../../../src/topics/kafka/internals.js';

function batch(
  first: number,
  producerId: string,
  keys: string[],
  kind: 'data' | 'commit' | 'abort' = 'data',
): RecordBatch {
  const marker = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]);
  return {
    firstOffset: String(first),
    lastOffsetDelta: Math.max(keys.length, 1) - 1,
    inTransaction: true,
    isControlBatch: kind !== 'data',
    producerId,
    records: (kind === 'data' ? keys.map((key) => Buffer.from(key)) : [marker]).map((key, i) => ({
      offset: String(first + i),
      timestamp: '5',
      key,
      value: Buffer.from('v'),
      headers: { h: Buffer.from('ü'), twice: [Buffer.from('1'), Buffer.from('2')] },
    })),
  };
}
const fetched = (batches: RecordBatch[], aborted: [string, bigint][] = []) => ({
  topic: 't',
  partition: 0,
  error: 0,
  logStart: 0n,
  aborted: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset })),
  batches,
});
const keysOf = (batches: RecordBatch[], aborted: [string, bigint][], from = 0n) =>
  committedMessages(fetched(batches, aborted), from).messages.map(({ key }) => key);

describe('committed messages of a fetch', () => {
  it('leave out control records and move behind them', () => {
    const { messages, next } = committedMessages(fetched([batch(0, '1', ['a', 'b']), batch(2, '1', [], 'commit')]), 0n);
    expect(messages.map(({ key, offset }) => [key, offset])).toEqual([
      ['a', 0n],
      ['b', 1n],
    ]);
    expect(messages[0]?.headers).toEqual({ h: 'ü', twice: '2' });
    expect(next).toBe(3n);
  });

  it('leave out aborted transactions, whose producers may go on afterwards', () => {
    const batches = [
      batch(0, '1', ['bad']),
      batch(1, '2', ['good']),
      batch(2, '1', [], 'abort'),
      batch(3, '1', ['later']),
      batch(4, '1', [], 'commit'),
    ];
    expect(keysOf(batches, [['1', 0n]])).toEqual(['good', 'later']);
  });

  it('leave out several that began before the fetch, in whatever order they are listed', () => {
    const batches = [batch(10, '1', ['x']), batch(11, '2', ['y']), batch(12, '3', ['z']), batch(13, '2', [], 'abort')];
    expect(
      keysOf(
        batches,
        [
          ['2', 7n],
          ['1', 3n],
        ],
        10n,
      ),
    ).toEqual(['z']);
  });

  it('begin at the offset asked for, within a batch', () => {
    expect(keysOf([batch(0, '1', ['a', 'b', 'c'])], [], 2n)).toEqual(['c']);
  });

  it('take a record for data whose key looks like a marker', () => {
    expect(keysOf([batch(0, '1', ['\0\0\0\0', 'a'])], [])).toEqual(['\0\0\0\0', 'a']);
  });

  it('move behind a batch that compaction has emptied', () => {
    expect(committedMessages(fetched([{ ...batch(4, '1', ['a']), lastOffsetDelta: 5, records: [] }]), 4n).next).toBe(
      10n,
    );
  });
});
