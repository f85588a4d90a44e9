import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Append,
  type Consumer,
  FencedError,
  type LogRecord,
  type TopicLog,
  TopicMismatchError,
  type TopicPartition,
} from '../../src/topics/log.js';
import { partitionOf } from '../../src/topics/partition.js';

export interface LogUnderTest {
  readonly log: TopicLog;
  /** Closes the log and opens it again on what was stored. */
  reopen(): Promise<TopicLog>;
  cleanup(): Promise<void>;
}

const text = (value: string) => new TextEncoder().encode(value);
const read = (record: LogRecord) => (record.value === null ? null : new TextDecoder().decode(record.value));
const append = (topic: string, key: string, value: string | null): Append => ({
  topic,
  key,
  value: value === null ? null : text(value),
});

/** Polls until `count` records came; fails when the log has no more to give. */
async function take(consumer: Consumer, count: number, credit = count): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) {
    const more = await consumer.poll(Math.min(credit, count - records.length), 20_000);
    if (more.length === 0) throw new Error(`waited for ${count} records, got ${records.length}`);
    records.push(...more);
  }
  return records;
}

/** The next offsets after these records, one for each partition. */
function nextOffsets(records: readonly LogRecord[]) {
  const last = new Map<string, LogRecord>();
  for (const record of records) last.set(`${record.topic}/${record.partition}`, record);
  return [...last.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset: offset + 1n }));
}

async function readAll(log: TopicLog, topic: string, partitions = 1): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    let from = 0n;
    for (;;) {
      const page = await log.read(topic, partition, from, 100);
      const last = page.at(-1);
      if (!last) break;
      records.push(...page);
      from = last.offset + 1n;
    }
  }
  return records;
}

/** The errors that a log throws: those of the package where the log is not part of these sources. */
const ownErrors = { FencedError, TopicMismatchError };

/**
 * What every `TopicLog` does. Offsets grow but need not be contiguous, and a new member may wait for its partitions.
 */
export function conformance(
  name: string,
  makeLog: () => Promise<LogUnderTest>,
  { FencedError, TopicMismatchError }: typeof ownErrors = ownErrors,
): void {
  describe(`${name}: a topic log`, () => {
    let made: LogUnderTest;
    let log: TopicLog;
    beforeEach(async () => {
      made = await makeLog();
      log = made.log;
    });
    afterEach(async () => {
      await made.cleanup();
    });

    describe('topics', () => {
      it('creates missing topics and keeps existing ones', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 2 }]);
        await log.append([append('in', 'a', '1')]);
        await log.ensureTopics([
          { name: 'in', partitions: 2 },
          { name: 'out', partitions: 1, compact: true },
        ]);
        const topics = (await log.describe()).filter(({ name }) => name === 'in' || name === 'out');
        expect(
          topics.map(({ name, partitions, compact }) => ({ name, partitions, compact: compact ?? false })),
        ).toEqual([
          { name: 'in', partitions: 2, compact: false },
          { name: 'out', partitions: 1, compact: true },
        ]);
        expect(await readAll(log, 'in', 2)).toHaveLength(1);
      });

      it('lists every difference from an existing topic', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 2, retention: { ms: 86_400_000 } }]);
        const wrong = log.ensureTopics([{ name: 'in', partitions: 3, compact: true }]);
        await expect(wrong).rejects.toThrow(TopicMismatchError);
        await expect(wrong).rejects.toThrow(/in: .*partitions.*2.*3/);
        await expect(wrong).rejects.toThrow(/in: .*compact/);
        await expect(wrong).rejects.toThrow(/in: .*retention/);
      });

      it('reports the bounds of each partition', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        const [before] = (await log.describe()).filter(({ name }) => name === 'in');
        expect(before?.bounds).toEqual([{ start: 0n, end: 0n }]);
        const [position] = await log.append([append('in', 'a', '1')]);
        const [info] = (await log.describe()).filter(({ name }) => name === 'in');
        expect(info?.bounds[0]?.start).toBe(0n);
        // A transaction may take an offset of its own.
        expect(info?.bounds[0]?.end).toBeGreaterThanOrEqual(position?.offset ?? 99n);
      });

      it('rejects a topic that does not exist', async () => {
        await log.ensureTopics([{ name: 'prompts', partitions: 1 }]);
        await expect(log.append([append('promts', 'a', '1')])).rejects.toThrow(/promts/);
        await expect(log.read('promts', 0, 0n, 1)).rejects.toThrow(/promts/);
        await expect(log.consumer('g', ['promts'])).rejects.toThrow(/promts/);
      });
    });

    describe('appending and reading', () => {
      it('preserves keys, values, headers, order and times', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        const before = Date.now();
        const every = new Uint8Array(256).map((_, i) => i);
        await log.append([
          { topic: 'in', key: 'a', value: every, headers: { schema: 'x', größe: 'naïve ☃' } },
          { topic: 'in', key: 'ключ', value: null },
          { topic: 'in', key: '', value: new Uint8Array() },
        ]);
        const records = await log.read('in', 0, 0n, 10);
        expect(records.map(({ key }) => key)).toEqual(['a', 'ключ', '']);
        expect(records.map(({ value }) => value && [...value])).toEqual([[...every], null, []]);
        expect(records[0]?.headers).toEqual({ schema: 'x', größe: 'naïve ☃' });
        expect(records[1]?.headers).toEqual({});
        expect(records.every(({ topic, partition }) => topic === 'in' && partition === 0)).toBe(true);
        for (const { timestamp } of records) {
          expect(timestamp).toBeGreaterThanOrEqual(before - 1000);
          expect(timestamp).toBeLessThanOrEqual(Date.now() + 1000);
        }
        const offsets = records.map(({ offset }) => offset);
        expect(offsets).toEqual([...offsets].sort((a, b) => (a < b ? -1 : 1)));
      });

      it('returns the position after each record', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 3 }]);
        const keys = ['a', 'b', 'c', 'd', 'e'];
        const positions = await log.append(keys.map((key) => append('in', key, key)));
        expect(positions).toHaveLength(keys.length);
        for (const [i, position] of positions.entries()) {
          const [record] = await log.read('in', position.partition, position.offset - 1n, 1);
          expect(record?.key).toBe(keys[i]);
        }
      });

      it('does not modify returned records when more is read and written', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        const sizes = [0, 1, 100, 5000, 70_000];
        await log.append(sizes.map((n, i) => ({ topic: 'in', key: `${i}`, value: new Uint8Array(n).fill(i + 1) })));
        const records = await log.read('in', 0, 0n, 10);
        await log.append(sizes.map((n, i) => ({ topic: 'in', key: `${i}`, value: new Uint8Array(n).fill(99) })));
        await log.read('in', 0, 5n, 10);
        expect(records.map(({ value }) => value?.byteLength)).toEqual(sizes);
        for (const [i, { value }] of records.entries()) expect(value?.every((byte) => byte === i + 1)).toBe(true);
      });

      it('reads from an offset, at most `max` records, and nothing at the end', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        const positions = await log.append(['0', '1', '2', '3'].map((v) => append('in', v, v)));
        const from = (positions[1]?.offset ?? 0n) - 1n;
        expect((await log.read('in', 0, from, 2)).map(read)).toEqual(['1', '2']);
        expect(await log.read('in', 0, positions[3]?.offset ?? 0n, 10)).toEqual([]);
        expect(await log.read('in', 0, 1_000_000n, 10)).toEqual([]);
      });

      it("uses Kafka's partition for a key", async () => {
        await log.ensureTopics([{ name: 'in', partitions: 5 }]);
        const keys = Array.from({ length: 40 }, (_, i) => `prompt-${i}-ü`);
        await log.append(keys.map((key) => append('in', key, key)));
        const records = await readAll(log, 'in', 5);
        expect(records).toHaveLength(40);
        for (const { key, partition } of records) expect(partition).toBe(partitionOf(key, 5));
      });

      it('preserves the order within a partition across many appends', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 2 }]);
        for (let i = 0; i < 10; i++) await log.append([append('in', 'x', `${i}`), append('in', 'x', `${i}b`)]);
        const partition = partitionOf('x', 2);
        const expected = Array.from({ length: 10 }, (_, i) => [`${i}`, `${i}b`]).flat();
        expect((await log.read('in', partition, 0n, 100)).map(read)).toEqual(expected);
      });

      it('finds the first record at or after a time', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        await log.append([append('in', 'a', '1')]);
        const [first] = await log.read('in', 0, 0n, 1);
        while (Date.now() <= (first?.timestamp ?? 0) + 1) await new Promise((resolve) => setImmediate(resolve));
        await log.append([append('in', 'b', '2')]);
        const second = (await readAll(log, 'in'))[1];
        expect(await log.offsetAt('in', 0, 0)).toBe(first?.offset);
        expect(await log.offsetAt('in', 0, second?.timestamp ?? 0)).toBe(second?.offset);
        const past = await log.offsetAt('in', 0, Date.now() + 3_600_000);
        expect(past).toBeGreaterThan(second?.offset ?? 0n);
        expect(await log.read('in', 0, past, 1)).toEqual([]);
      });
    });

    describe('durability', () => {
      it('keeps records, settings and offsets across a restart', async () => {
        await log.ensureTopics([
          { name: 'in', partitions: 1 },
          { name: 'out', partitions: 1 },
        ]);
        await log.append(['0', '1', '2'].map((v) => append('in', v, v)));
        const consumer = await log.consumer('g', ['in']);
        const records = await take(consumer, 2);
        await consumer.commit({ appends: [append('out', 'o', 'done')], offsets: nextOffsets(records) });
        log = await made.reopen();
        expect((await readAll(log, 'in')).map(read)).toEqual(['0', '1', '2']);
        expect((await readAll(log, 'out')).map(read)).toEqual(['done']);
        expect(await log.committed('g', 'in')).toEqual(nextOffsets(records));
        const again = await log.consumer('g', ['in']);
        expect((await take(again, 1)).map(read)).toEqual(['2']);
      });

      it('keeps the newest record of each key of a compacted topic', async () => {
        await log.ensureTopics([{ name: 'table', partitions: 2, compact: true }]);
        await log.append([append('table', 'a', '1'), append('table', 'b', '1')]);
        await log.append([append('table', 'a', '2'), append('table', 'b', null), append('table', 'c', '1')]);
        const newest = new Map((await readAll(log, 'table', 2)).map((record) => [record.key, read(record)]));
        for (const [key, value] of newest) if (value === null) newest.delete(key);
        expect(newest).toEqual(
          new Map([
            ['a', '2'],
            ['c', '1'],
          ]),
        );
      });
    });

    describe('consumer groups', () => {
      beforeEach(async () => {
        await log.ensureTopics([
          { name: 'in', partitions: 1 },
          { name: 'out', partitions: 1 },
        ]);
      });

      it('never returns more than `max`', async () => {
        await log.append(Array.from({ length: 10 }, (_, i) => append('in', `${i}`, `${i}`)));
        const consumer = await log.consumer('g', ['in']);
        const records = await take(consumer, 10, 3);
        expect(records.map(read)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
        const first = await (await log.consumer('other', ['in'])).poll(4, 20_000);
        expect(first.length).toBeLessThanOrEqual(4);
      });

      it('returns [] on timeout or when the signal aborts', async () => {
        const consumer = await log.consumer('g', ['in']);
        expect(await consumer.poll(10, 20)).toEqual([]);
        const abort = new AbortController();
        const waiting = consumer.poll(10, 600_000, abort.signal);
        abort.abort();
        expect(await waiting).toEqual([]);
        expect(await consumer.poll(10, 600_000, AbortSignal.abort())).toEqual([]);
      });

      it('leaves no listener on the signal after empty polls', async () => {
        await log.ensureTopics([{ name: 'in', partitions: 1 }]);
        const consumer = await log.consumer('g', ['in']);
        const { signal } = new AbortController();
        for (let i = 0; i < 3; i++) expect(await consumer.poll(1, 10, signal)).toEqual([]);
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      });

      it('wakes a waiting poll when a record arrives', async () => {
        const consumer = await log.consumer('g', ['in']);
        const waiting = consumer.poll(10, 60_000);
        await log.append([append('in', 'a', 'now')]);
        expect((await waiting).map(read)).toEqual(['now']);
      });

      it('resumes from the committed offset, not from the last read', async () => {
        await log.append(['0', '1', '2', '3'].map((v) => append('in', v, v)));
        const consumer = await log.consumer('g', ['in']);
        const records = await take(consumer, 3);
        await consumer.commit({ appends: [], offsets: nextOffsets(records.slice(0, 1)) });
        await consumer.close();
        const next = await log.consumer('g', ['in']);
        expect((await take(next, 3)).map(read)).toEqual(['1', '2', '3']);
      });

      it('isolates groups', async () => {
        await log.append([append('in', 'a', '1')]);
        const one = await log.consumer('one', ['in']);
        const other = await log.consumer('other', ['in']);
        const records = await take(one, 1);
        await one.commit({ appends: [], offsets: nextOffsets(records) });
        expect((await take(other, 1)).map(read)).toEqual(['1']);
        expect((await log.committed('one', 'in'))[0]?.offset).toBe(nextOffsets(records)[0]?.offset);
        expect((await log.committed('other', 'in'))[0]?.offset).toBe(0n);
        expect((await log.committed('never', 'in'))[0]?.offset).toBe(0n);
      });

      it('commits outputs and offsets together', async () => {
        await log.append([append('in', 'a', '1'), append('in', 'b', '2')]);
        const consumer = await log.consumer('g', ['in']);
        const records = await take(consumer, 2);
        const outputs = records.map((record) => append('out', record.key, `${read(record)}!`));
        await consumer.commit({ appends: outputs, offsets: nextOffsets(records) });
        await log.settled('out');
        expect((await readAll(log, 'out')).map(read)).toEqual(['1!', '2!']);
        expect(await log.committed('g', 'in')).toEqual(nextOffsets(records));
      });

      it('writes nothing if a transaction fails', async () => {
        await log.append([append('in', 'a', '1')]);
        const consumer = await log.consumer('g', ['in']);
        const records = await take(consumer, 1);
        const bad = { appends: [append('out', 'a', 'x'), append('nowhere', 'a', 'x')], offsets: nextOffsets(records) };
        await expect(consumer.commit(bad)).rejects.toThrow(/nowhere/);
        await expect(log.append(bad.appends)).rejects.toThrow(/nowhere/);
        expect(await readAll(log, 'out')).toEqual([]);
        expect((await log.committed('g', 'in'))[0]?.offset).toBe(0n);
        await consumer.commit({ appends: [append('out', 'a', 'y')], offsets: nextOffsets(records) });
        expect((await readAll(log, 'out')).map(read)).toEqual(['y']);
      });

      it('follows several topics', async () => {
        const consumer = await log.consumer('g', ['in', 'out']);
        await log.append([append('in', 'a', 'i'), append('out', 'b', 'o')]);
        expect((await take(consumer, 2)).map(read).sort()).toEqual(['i', 'o']);
      });
    });

    describe('members of one group', () => {
      const partitions = 4;
      const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
      beforeEach(async () => {
        await log.ensureTopics([
          { name: 'in', partitions },
          { name: 'out', partitions: 1 },
        ]);
      });

      /** Reads and commits one round for each member until `count` records were seen. */
      async function drain(members: readonly Consumer[], count: number): Promise<Map<Consumer, LogRecord[]>> {
        const got = new Map(members.map((member) => [member, [] as LogRecord[]]));
        const deadline = Date.now() + 60_000;
        while ([...got.values()].flat().length < count && Date.now() < deadline) {
          for (const member of members) {
            const records = await member.poll(5, 200);
            if (records.length === 0) continue;
            try {
              await member.commit({ appends: [], offsets: nextOffsets(records) });
              got.get(member)?.push(...records);
            } catch (error) {
              if (!(error instanceof FencedError)) throw error;
            }
          }
        }
        return got;
      }

      it('share the partitions, so that each record goes to one member', async () => {
        const members = [await log.consumer('g', ['in']), await log.consumer('g', ['in'])];
        // Both must have their partitions before anything comes; a group may need a while for that.
        await Promise.all(members.map((member) => member.poll(1, 200)));
        await log.append(keys.map((key) => append('in', key, key)));
        const got = await drain(members, keys.length);
        const all = [...got.values()].flat().map(({ key }) => key);
        expect(all.sort()).toEqual([...keys].sort());
      });

      it('take over the uncommitted records of a member that left', async () => {
        await log.append(keys.map((key) => append('in', key, key)));
        const first = await log.consumer('g', ['in']);
        const records = await take(first, 10);
        await first.commit({ appends: [], offsets: nextOffsets(records) });
        await take(first, 5);
        await first.close();
        const second = await log.consumer('g', ['in']);
        const rest = [...(await drain([second], keys.length - 10)).values()].flat();
        expect([...records, ...rest].map(({ key }) => key).sort()).toEqual([...keys].sort());
      });

      it('are fenced on lost partitions, and notified', async () => {
        await log.append(keys.map((key) => append('in', key, key)));
        const first = await log.consumer('g', ['in']);
        const revoked: TopicPartition[] = [];
        first.onRevoked((lost) => revoked.push(...lost));
        const records = await take(first, keys.length);
        const second = await log.consumer('g', ['in']);
        const third = await log.consumer('g', ['in']);
        const deadline = Date.now() + 60_000;
        while (revoked.length < 2 && Date.now() < deadline) {
          for (const member of [first, second, third]) await member.poll(1, 100);
        }
        expect(revoked.length).toBeGreaterThanOrEqual(2);
        const commit = first.commit({ appends: [append('out', 'a', 'stale')], offsets: nextOffsets(records) });
        await expect(commit).rejects.toThrow(FencedError);
        expect(await readAll(log, 'out')).toEqual([]);
      });
    });
  });
}
