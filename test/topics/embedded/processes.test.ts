import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FencedError, type LogRecord, openEmbedded, type TopicLog } from '../../../src/topics/index.js';
import { temporaryFolder } from '../folder.js';

interface Program {
  readonly child: ChildProcess;
  /** Its next line; undefined when there are no more. */
  line(): Promise<string | undefined>;
  readonly exit: Promise<unknown>;
}

function start(name: string, folder: string): Program {
  const script = fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, exit: once(child, 'exit'), line: async () => (await lines.next()).value as string | undefined };
}

async function all(log: TopicLog, topic: string): Promise<LogRecord[]> {
  const info = (await log.describe()).find(({ name }) => name === topic);
  const pages = (info?.bounds ?? []).map((_, partition) => log.read(topic, partition, 0n, 1_000_000));
  return (await Promise.all(pages)).flat();
}

describe('one writer', () => {
  it('makes a second one fail with an error that names the first', async () => {
    const folder = temporaryFolder();
    const writer = start('writer', folder);
    expect(await writer.line()).toBe('open');
    await expect(openEmbedded(folder)).rejects.toMatchObject({
      code: 'topics-locked',
      message: expect.stringContaining(`pid ${writer.child.pid}`),
    });
    writer.child.stdin?.end();
    await writer.exit;
    await (await openEmbedded(folder)).close();
  });

  it('releases the folder when it is killed', async () => {
    const folder = temporaryFolder();
    const writer = start('writer', folder);
    expect(await writer.line()).toBe('open');
    writer.child.kill('SIGKILL');
    await writer.exit;
    const log = await openEmbedded(folder);
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    await log.close();
  });

  it('is the only one in its own process, too', async () => {
    const folder = temporaryFolder();
    const log = await openEmbedded(folder);
    await expect(openEmbedded(folder)).rejects.toMatchObject({ code: 'topics-locked' });
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    await log.close();
  });

  it('cannot write after another process has taken over', async () => {
    const folder = temporaryFolder();
    const log = await openEmbedded(folder);
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    // To a process in another container, say, this one looks dead.
    const { open } = await import('lmdb');
    const db = open<Buffer, Buffer>({
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    db.putSync(Buffer.from('w'), Buffer.from(JSON.stringify({ pid: 1, began: '', id: 'other' })));
    await expect(log.append([{ topic: 'in', key: 'a', value: null }])).rejects.toThrow(FencedError);
    await db.close();
    await log.close();
  });
});

describe('a process killed at any point', () => {
  it('leaves complete transactions: outputs with their offsets, no duplicates, no losses', async () => {
    const folder = temporaryFolder();
    const count = 1800;
    const keys = Array.from({ length: count }, (_, i) => `key-${i}`);
    let log = await openEmbedded(folder);
    await log.ensureTopics([
      { name: 'in', partitions: 3 },
      { name: 'out', partitions: 2 },
      { name: 'copy', partitions: 1 },
    ]);
    await log.append(keys.map((key) => ({ topic: 'in', key, value: new TextEncoder().encode(key) })));
    await log.close();

    let kills = 0;
    for (let finished = false; !finished; ) {
      const worker = start('worker', folder);
      const until = kills < 16 ? 1 + Math.floor(Math.random() * 15) : Number.POSITIVE_INFINITY;
      for (let lines = 0; lines < until; lines++) {
        finished = (await worker.line()) === 'done';
        if (finished) break;
      }
      if (!finished) {
        // A line comes right after a commit; the kill must not always fall on that moment.
        const moment = performance.now() + Math.random() * 6;
        while (performance.now() < moment);
        worker.child.kill('SIGKILL');
        kills++;
      }
      await worker.exit;

      log = await openEmbedded(folder);
      const out = (await all(log, 'out')).map(({ key }) => key);
      const copy = (await all(log, 'copy')).map(({ key }) => key);
      const committed = await log.committed('workers', 'in');
      const consumed = (await all(log, 'in')).filter(
        ({ partition, offset }) => offset < (committed[partition]?.offset ?? 0n),
      );
      const expected = consumed.map(({ key }) => key).sort();
      expect([...out].sort()).toEqual(expected);
      expect([...copy].sort()).toEqual(expected);
      await log.close();
    }
    expect(kills).toBe(16);
    const done = await openEmbedded(folder, { readOnly: true });
    expect((await all(done, 'out')).map(({ key }) => key).sort()).toEqual([...keys].sort());
    await done.close();
  });
});

describe('concurrent readers', () => {
  it('see every committed record and no partial transaction during writes', async () => {
    const folder = temporaryFolder();
    const log = await openEmbedded(folder);
    await log.ensureTopics([
      { name: 'a', partitions: 1 },
      { name: 'b', partitions: 1 },
    ]);
    const readers = Array.from({ length: 4 }, () => start('reader', folder));
    for (const reader of readers) expect(await reader.line()).toBe('open');
    const transactions = 300;
    for (let i = 0; i < transactions; i++) {
      const values = [0, 1, 2].map((j) => new Uint8Array(j === 2 ? 5000 : 200).fill((i * 3 + j) % 251));
      const key = i === transactions - 1 ? 'end' : `${i}`;
      await log.append(
        ['a', 'b'].flatMap((topic) => values.map((value, j) => ({ topic, key: j === 2 ? key : '', value }))),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    const seen = await Promise.all(
      readers.map(async (reader) => JSON.parse((await reader.line()) ?? '{}') as { records: number }),
    );
    expect(seen.map(({ records }) => records)).toEqual(readers.map(() => transactions * 3));
    expect(await Promise.all(readers.map(({ exit }) => exit))).toEqual(readers.map(() => [0, null]));
    await log.close();
  });
});
