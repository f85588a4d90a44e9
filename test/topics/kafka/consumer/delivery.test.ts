import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../../../src/topics/kafka/client/client.js';
import { assertGiven, changed, takeReady } from '../../../../src/topics/kafka/consumer/delivery.js';
import { receive } from '../../../../src/topics/kafka/consumer/fetching.js';
import {
  assertUsable,
  exclusive,
  fail,
  newState,
  notify,
  type OwnedPartition,
} from '../../../../src/topics/kafka/consumer/state.js';
import { assembler } from '../../../../src/topics/kafka/protocol/chunks.js';
import { FencedError, type LogRecord } from '../../../../src/topics/log.js';

const record = (partition: number, offset: bigint): LogRecord => ({
  topic: 'in',
  partition,
  offset,
  timestamp: 0,
  key: 'k',
  value: null,
  headers: {},
});

function owning(partition: number, count: number, from = 0n): OwnedPartition {
  const ready = Array.from({ length: count }, (_, i) => record(partition, from + BigInt(i)));
  const none = assembler(async () => []);
  const start = { next: from + BigInt(count), given: from, committed: from };
  return { topic: 'in', partition, ...start, ready, assembler: none, fetching: false };
}

const ownedOf = (...partitions: OwnedPartition[]) => new Map(partitions.map((p) => [`in/${p.partition}`, p]));

const newConsumer = () => {
  const client: Client = {
    brokers: [],
    partitions: async () => 1,
    leader: () => Promise.reject(new Error('no broker here')),
    coordinator: () => Promise.reject(new Error('no broker here')),
    retrying: (_, attempt) => attempt(),
    stop: () => {},
    close: async () => {},
  };
  const writing = { compression: 0, limit: 1000, written: new Map(), isCompacted: async () => false };
  return newState(client, { group: 'g', topics: ['in'], sessionMs: 1000, transactionalIdPrefix: 'g-', writing });
};

describe('records that are ready', () => {
  it('are returned at most `max` at a time, in order, once each', () => {
    const counts = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.array(fc.nat({ max: 6 }), { maxLength: 30 }), (sizes, credits) => {
        const owned = ownedOf(...sizes.map((size, partition) => owning(partition, size)));
        const given: LogRecord[] = [];
        for (const credit of credits) {
          const some = takeReady(owned, credit);
          expect(some.length).toBeLessThanOrEqual(credit);
          given.push(...some);
        }
        for (const { partition, ready, given: next } of owned.values()) {
          const offsets = given.filter((one) => one.partition === partition).map(({ offset }) => offset);
          expect(offsets).toEqual(offsets.map((_, i) => BigInt(i)));
          expect(next).toBe(BigInt(offsets.length));
          expect(offsets.length + ready.length).toBe(sizes[partition]);
        }
      }),
    );
  });

  it('are taken from the partitions in turn', () => {
    const owned = ownedOf(owning(0, 4), owning(1, 4));
    const partitions = [1, 2, 3, 4].flatMap(() => takeReady(owned, 2).map(({ partition }) => partition));
    expect(partitions).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });
});

describe('positions to commit', () => {
  const given = (committed: bigint, next: bigint) => ownedOf({ ...owning(0, 0), committed, given: next });
  const at = (offset: bigint) => [{ topic: 'in', partition: 0, offset }];

  it.each([
    ['the records given', 0n, 5n, 5n],
    ['some of them', 0n, 5n, 3n],
    ['none of them', 2n, 5n, 2n],
  ])('may cover %s', (_, committed, next, offset) => {
    expect(() => assertGiven('g', given(committed, next), at(offset))).not.toThrow();
  });

  it.each([
    ['records that were not given', 0n, 5n, 6n],
    ['what was committed before', 3n, 5n, 2n],
    ['a partition that was assigned again and gave nothing since', 5n, 5n, 5n],
  ])('are fenced where they cover %s', (_, committed, next, offset) => {
    expect(() => assertGiven('g', given(committed, next), at(offset))).toThrow(FencedError);
  });

  it('are fenced on a partition of another member', () => {
    expect(() => assertGiven('g', new Map(), at(1n))).toThrow('group g: this member does not own in/0');
  });
});

describe('a fetch', () => {
  it('makes its committed records ready and moves past skipped ones', async () => {
    const partition = owning(0, 0);
    const batch = { firstOffset: 0n, lastOffset: 1n, producerId: 1n, inTransaction: true };
    const records = [0n, 1n].map((offset) => ({
      offset,
      timestamp: 0,
      key: 'k',
      value: Buffer.from('v'),
      headers: {},
    }));
    const end = { firstOffset: 2n, lastOffset: 2n, producerId: 1n, inTransaction: true, control: 'commit' as const };
    const batches = [
      { ...batch, records },
      { ...end, records: [] },
    ];
    await receive(partition, { topic: 'in', partition: 0, error: 0, logStart: 0n, aborted: [], batches });
    expect(partition.ready.map(({ offset }) => offset)).toEqual([0n, 1n]);
    expect(partition.next).toBe(3n);
  });
});

describe('a member', () => {
  it('runs a rebalance and a commit in sequence, even if the first fails', async () => {
    const state = newConsumer();
    const order: string[] = [];
    const first = exclusive(state, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('first');
      throw new Error('failed');
    });
    const second = exclusive(state, async () => order.push('second'));
    await expect(first).rejects.toThrow('failed');
    await second;
    expect(order).toEqual(['first', 'second']);
  });

  it('wakes waiters on a change, and removes them', async () => {
    const state = newConsumer();
    const abort = new AbortController();
    const waits = [changed(state, 600_000), changed(state, 600_000, abort.signal), changed(state, 0)];
    abort.abort();
    await waits[1];
    await waits[2];
    notify(state);
    await waits[0];
    expect(state.waiting.size).toBe(0);
  });

  it('throws the first failure of its background work, then that it is closed', () => {
    const state = newConsumer();
    expect(() => assertUsable(state)).not.toThrow();
    state.closed = true;
    expect(() => assertUsable(state)).toThrow('the consumer of group g is closed');
    fail(state, new Error('first'));
    fail(state, new Error('second'));
    expect(() => assertUsable(state)).toThrow('first');
  });
});
