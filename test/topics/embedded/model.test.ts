import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Append, openEmbedded, partitionOf, type TopicLog, type TopicSpec } from '../../../src/topics/index.js';
import { temporaryFolder } from '../folder.js';

const specs: readonly TopicSpec[] = [
  { name: 'plain', partitions: 1 },
  { name: 'spread', partitions: 3 },
  { name: 'table', partitions: 2, compact: true },
];

interface Entry {
  readonly offset: bigint;
  readonly key: string;
  readonly value: readonly number[] | null;
}

/** The same log as arrays. */
function makeModel() {
  const parts = new Map<string, { entries: Entry[]; end: bigint }>();
  const committed = new Map<string, bigint>();
  const part = (topic: string, partition: number) => {
    const name = `${topic}/${partition}`;
    const found = parts.get(name) ?? { entries: [], end: 0n };
    parts.set(name, found);
    return found;
  };
  return {
    part,
    committed,
    append({ topic, key, value }: Append): bigint {
      const spec = specs.find(({ name }) => name === topic);
      const at = part(topic, partitionOf(key, spec?.partitions ?? 0));
      if (spec?.compact) at.entries = at.entries.filter((entry) => entry.key !== key);
      at.entries.push({ offset: at.end, key, value: value && [...value] });
      at.end += 1n;
      return at.end;
    },
  };
}

const appends = fc.array(
  fc.record({
    topic: fc.constantFrom('plain', 'spread', 'table'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'ü'),
    value: fc.option(fc.uint8Array({ maxLength: 20 })),
  }),
  { maxLength: 6 },
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), appends }),
  fc.record({ kind: fc.constant('fail' as const), appends }),
  fc.record({ kind: fc.constant('work' as const), appends, max: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('forget' as const), max: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('reopen' as const) }),
  fc.record({
    kind: fc.constant('read' as const),
    from: fc.bigInt({ min: 0n, max: 12n }),
    max: fc.integer({ min: 1, max: 4 }),
  }),
);

describe('the embedded log', () => {
  it('behaves like arrays under any sequence of operations', async () => {
    const parent = temporaryFolder();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const folder = `${parent}/${runs++}`;
        const model = makeModel();
        let log = await openEmbedded(folder);
        await log.ensureTopics(specs);
        let consumer = await log.consumer('g', ['spread']);
        try {
          for (const step of steps) {
            if (step.kind === 'append') {
              const positions = await log.append(step.appends);
              expect(positions.map(({ offset }) => offset)).toEqual(step.appends.map(model.append));
            } else if (step.kind === 'fail') {
              const broken = [...step.appends, { topic: 'nowhere', key: '', value: null }];
              await expect(log.append(broken)).rejects.toThrow(/nowhere/);
            } else if (step.kind === 'work') {
              const records = await consumer.poll(step.max, 0);
              const next = new Map(records.map(({ partition, offset }) => [partition, offset + 1n]));
              const offsets = [...next].map(([partition, offset]) => ({ topic: 'spread', partition, offset }));
              await consumer.commit({ appends: step.appends, offsets });
              step.appends.forEach(model.append);
              for (const [partition, offset] of next) model.committed.set(`spread/${partition}`, offset);
            } else if (step.kind === 'forget') {
              await consumer.poll(step.max, 0);
              await consumer.close();
              consumer = await log.consumer('g', ['spread']);
            } else if (step.kind === 'reopen') {
              await log.close();
              log = await openEmbedded(folder);
              consumer = await log.consumer('g', ['spread']);
            }
            await compare(log, model, step.kind === 'read' ? step.from : 0n, step.kind === 'read' ? step.max : 1000);
          }
        } finally {
          await log.close();
        }
      }),
      { numRuns: 40 },
    );
  });

  async function compare(log: TopicLog, model: ReturnType<typeof makeModel>, from: bigint, max: number) {
    for (const { name, partitions } of specs) {
      const committed = await log.committed('g', name);
      for (let partition = 0; partition < partitions; partition++) {
        const { entries } = model.part(name, partition);
        const expected = entries.filter(({ offset }) => offset >= from).slice(0, max);
        const found = await log.read(name, partition, from, max);
        expect(found.map(({ offset, key, value }) => ({ offset, key, value: value && [...value] }))).toEqual(expected);
        expect(committed[partition]?.offset).toBe(model.committed.get(`${name}/${partition}`) ?? 0n);
      }
    }
  }
});

describe('retention', () => {
  afterEach(() => void vi.useRealTimers());
  const value = new Uint8Array(1000);
  const keys = async (log: TopicLog) => (await log.read('in', 0, 0n, 100)).map(({ key }) => key);

  it('drops expired records at the next append and the next open; offsets continue', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const folder = temporaryFolder();
    let log = await openEmbedded(folder);
    await log.ensureTopics([{ name: 'in', partitions: 1, retention: { ms: 1000 } }]);
    await log.append([{ topic: 'in', key: 'a', value }]);
    vi.setSystemTime(1_000_600);
    await log.append([{ topic: 'in', key: 'b', value }]);
    expect(await keys(log)).toEqual(['a', 'b']);
    vi.setSystemTime(1_001_200);
    await log.append([{ topic: 'in', key: 'c', value }]);
    expect(await keys(log)).toEqual(['b', 'c']);
    expect((await log.describe())[0]?.bounds).toEqual([{ start: 1n, end: 3n }]);
    expect(await log.committed('new', 'in')).toEqual([{ topic: 'in', partition: 0, offset: 1n }]);
    await log.close();
    vi.setSystemTime(2_000_000);
    log = await openEmbedded(folder);
    expect(await keys(log)).toEqual([]);
    expect((await log.append([{ topic: 'in', key: 'd', value }]))[0]?.offset).toBe(4n);
    await log.close();
  });

  it('drops the oldest records past a size, never the newest', async () => {
    const log = await openEmbedded(temporaryFolder());
    await log.ensureTopics([{ name: 'in', partitions: 1, retention: { bytes: 3500 } }]);
    for (const key of ['a', 'b', 'c', 'd', 'e']) await log.append([{ topic: 'in', key, value }]);
    expect(await keys(log)).toEqual(['c', 'd', 'e']);
    await log.append([{ topic: 'in', key: 'large', value: new Uint8Array(10_000) }]);
    expect(await keys(log)).toEqual(['large']);
    await log.close();
  });

  it('forgets a dropped key of a compacted topic, which may be written again', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const log = await openEmbedded(temporaryFolder());
    await log.ensureTopics([{ name: 'in', partitions: 1, compact: true, retention: { ms: 1000 } }]);
    await log.append([{ topic: 'in', key: 'a', value }]);
    vi.setSystemTime(1_002_000);
    await log.append([{ topic: 'in', key: 'b', value }]);
    expect(await keys(log)).toEqual(['b']);
    await log.append([
      { topic: 'in', key: 'a', value },
      { topic: 'in', key: 'b', value },
    ]);
    expect(await keys(log)).toEqual(['a', 'b']);
    await log.close();
  });

  it('never decreases timestamps within a partition', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 2_000_000 });
    const log = await openEmbedded(temporaryFolder());
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    await log.append([{ topic: 'in', key: 'a', value }]);
    vi.setSystemTime(1_000_000);
    await log.append([{ topic: 'in', key: 'b', value }]);
    expect((await log.read('in', 0, 0n, 9)).map(({ timestamp }) => timestamp)).toEqual([2_000_000, 2_000_000]);
    expect(await log.offsetAt('in', 0, 2_000_000)).toBe(0n);
    await log.close();
  });
});

describe('settings of a topic', () => {
  it.each([
    [{ name: 'a b', partitions: 1 }, /"a b".*letters/],
    [{ name: 'a', partitions: 0 }, /partitions is 0; expected a whole number from 1/],
    [{ name: 'a', partitions: 1, retention: { ms: 0 } }, /retention.ms is 0/],
  ])('%j are refused', async (spec, message) => {
    const log = await openEmbedded(temporaryFolder());
    await expect(log.ensureTopics([{ name: 'good', partitions: 1 }, spec])).rejects.toThrow(message);
    expect(await log.describe()).toEqual([]);
    await log.close();
  });
});
