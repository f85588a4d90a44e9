import { describe, expect, it } from 'vitest';
import { groupCommit } from '../../../src/topics/embedded/group-commit.js';
import { FencedError, openEmbedded, type TopicLog } from '../../../src/topics/index.js';
import { temporaryFolder } from '../folder.js';

const append = (topic: string, key: string) => ({ topic, key, value: new Uint8Array(8) });

async function opened(): Promise<TopicLog> {
  const log = await openEmbedded(temporaryFolder());
  await log.ensureTopics([
    { name: 'in', partitions: 2 },
    { name: 'out', partitions: 1 },
  ]);
  return log;
}

const keys = async (log: TopicLog) => (await log.read('out', 0, 0n, 1000)).map(({ key }) => key);

describe('transactions of one turn', () => {
  it('share one write, in order, with a result each', async () => {
    const writes: unknown[][] = [];
    const { commit } = groupCommit((action) => {
      writes.push([]);
      return action(undefined as never);
    });
    const results = await Promise.all(
      [1, 2, 3].map((n) =>
        commit(() => {
          writes.at(-1)?.push(n);
          return n * n;
        }),
      ),
    );
    expect(results).toEqual([1, 4, 9]);
    expect(writes).toEqual([[1, 2, 3]]);
  });

  it('are written one by one if the disk cannot hold them together', async () => {
    let room = 2;
    const { commit } = groupCommit((action) => {
      let used = 0;
      const result = action({ use: () => used++ } as never);
      if (used > room) throw new Error('disk full');
      room -= used;
      return result;
    });
    const use = (db: unknown) => (db as { use: () => number }).use();
    const settled = await Promise.allSettled([commit(use), commit(use), commit(use)]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });
});

describe('on the embedded log', () => {
  it('a failing transaction leaves nothing behind and does not affect the others', async () => {
    const log = await opened();
    const settled = await Promise.allSettled([
      log.append([append('out', 'a')]),
      log.append([append('out', 'never'), append('nowhere', 'b')]),
      log.append([append('out', 'c'), append('out', 'd')]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(settled[1]).toMatchObject({ reason: { code: 'unknown-topic' } });
    expect(settled[2]).toMatchObject({ value: [{ offset: 2n }, { offset: 3n }] });
    expect(await keys(log)).toEqual(['a', 'c', 'd']);
    await log.close();
  });

  it('only the member that loses its partitions before the write is fenced', async () => {
    const log = await opened();
    const first = await log.consumer('g', ['in']);
    const other = await log.consumer('h', ['in']);
    const offsets = [0, 1].map((partition) => ({ topic: 'in', partition, offset: 0n }));
    const lost = first.commit({ appends: [append('out', 'never')], offsets });
    const kept = other.commit({ appends: [append('out', 'a')], offsets });
    const second = await log.consumer('g', ['in']);
    await expect(lost).rejects.toBeInstanceOf(FencedError);
    await kept;
    expect(await keys(log)).toEqual(['a']);
    await Promise.all([first, second, other].map((consumer) => consumer.close()));
    await log.close();
  });

  it('closing the log first writes pending transactions', async () => {
    const log = await opened();
    const asked = log.append([append('out', 'a')]);
    await log.close();
    expect(await asked).toHaveLength(1);
  });
});
