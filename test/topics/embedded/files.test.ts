import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { describe, expect, it } from 'vitest';
import { openEmbedded } from '../../../src/topics/index.js';
import { temporaryFolder } from '../folder.js';

async function filledFolder(): Promise<string> {
  const folder = temporaryFolder();
  const log = await openEmbedded(folder);
  await log.ensureTopics([{ name: 'in', partitions: 1 }]);
  for (let i = 0; i < 20; i++) {
    const sizes = [1000, 1000, 1000, 1000, 30_000];
    await log.append(sizes.map((size) => ({ topic: 'in', key: `${i}`, value: new Uint8Array(size).fill(7) })));
  }
  await log.close();
  return folder;
}

async function refusal(folder: string, readOnly: boolean): Promise<{ name: string; code: string; message: string }> {
  const opened = openEmbedded(folder, { readOnly });
  const error = await opened.then(
    (log) => log.close().then(() => undefined),
    (error) => error,
  );
  return error ?? { name: 'none', code: 'none', message: 'it opened' };
}

describe.each([
  ['for writing', false],
  ['for reading', true],
])('opening %s', (_, readOnly) => {
  const overwrite = (file: string, byte: number, from: number, length: number) => {
    const fd = openSync(file, 'r+');
    writeSync(fd, Buffer.alloc(length, byte), 0, length, from);
    closeSync(fd);
  };
  it.each<[string, (file: string) => void, RegExp]>([
    ['empty', (file) => writeFileSync(file, ''), /empty/],
    ['another kind of file', (file) => writeFileSync(file, 'hello '.repeat(10_000)), /does not begin like/],
    ['truncated in the middle', (file) => truncateSync(file, (statSync(file).size >> 13) << 12), /truncated/],
    ['truncated in its header', (file) => truncateSync(file, 100), /cut off/],
    ['overwritten with zeros', (file) => overwrite(file, 0, 16_384, statSync(file).size - 16_384), /overwritten/],
    ['overwritten with ones', (file) => overwrite(file, 255, 16_384, statSync(file).size - 16_384), /overwritten/],
  ])('a file that is %s is refused', async (_, damage, why) => {
    const folder = await filledFolder();
    damage(join(folder, 'data.mdb'));
    const error = await refusal(folder, readOnly);
    expect(error).toMatchObject({ name: 'UserError', code: 'topics-corrupt' });
    expect(error.message).toContain(folder);
    expect(error.message).toMatch(why);
  });

  it('rejects topics of another format', async () => {
    const folder = await filledFolder();
    const options = {
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    } as const;
    const db = open<Buffer, Buffer>(options);
    db.putSync(Buffer.from('f'), Buffer.from('{"format":"rlsd-topics","version":9}'));
    await db.close();
    const error = await refusal(folder, readOnly);
    expect(error).toMatchObject({ name: 'UserError', code: 'topics-version' });
    expect(error.message).toMatch(/format rlsd-topics 9; this release reads and writes rlsd-topics 3/);
  });

  it('rejects the database of another program', async () => {
    const folder = temporaryFolder();
    const db = open<string, string>({ path: folder, noSubdir: false, overlappingSync: false });
    db.putSync('a', 'b');
    await db.close();
    expect(await refusal(folder, readOnly)).toMatchObject({ name: 'UserError', code: 'topics-version' });
  });

  it('rejects a file in place of the folder', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(await refusal(file, readOnly)).toMatchObject({ name: 'UserError', code: 'topics-missing' });
  });
});

describe('a folder', () => {
  it('is created for a writer if missing; a reader fails', async () => {
    const folder = join(temporaryFolder(), 'not', 'there.yet');
    expect(await refusal(folder, true)).toMatchObject({ name: 'UserError', code: 'topics-missing' });
    await (await openEmbedded(folder)).close();
    await (await openEmbedded(folder, { readOnly: true })).close();
  });

  it('causes errors for writer and reader if it is removed while open', async () => {
    const folder = await filledFolder();
    const log = await openEmbedded(folder);
    rmSync(folder, { recursive: true });
    await expect(log.append([{ topic: 'in', key: 'a', value: null }])).rejects.toMatchObject({
      code: 'topics-gone',
    });
    await expect(log.read('in', 0, 0n, 1)).rejects.toMatchObject({ code: 'topics-gone' });
    await log.close();
  });

  it('causes an error if it cannot be created', async () => {
    const parent = temporaryFolder();
    mkdirSync(join(parent, 'a'));
    writeFileSync(join(parent, 'a', 'b'), '');
    expect(await refusal(join(parent, 'a', 'b', 'c'), false)).toMatchObject({
      name: 'UserError',
      code: 'topics-missing',
    });
  });

  it('reopens after pages were freed', async () => {
    const folder = temporaryFolder();
    for (let round = 0; round < 5; round++) {
      const log = await openEmbedded(folder);
      await log.ensureTopics([{ name: 'table', partitions: 1, compact: true }]);
      for (let i = 0; i < 30; i++) {
        await log.append([{ topic: 'table', key: `${i % 3}`, value: new Uint8Array((i * 7919) % 60_000) }]);
      }
      await log.close();
      const reader = await openEmbedded(folder, { readOnly: true });
      expect(await reader.read('table', 0, 0n, 100)).toHaveLength(3);
      await reader.close();
    }
  });
});

describe('a read-only log', () => {
  it('rejects every write, and checks topics without creating them', async () => {
    const log = await openEmbedded(await filledFolder(), { readOnly: true });
    const readOnly = { name: 'UserError', code: 'topics-read-only' };
    await expect(log.append([{ topic: 'in', key: 'a', value: null }])).rejects.toMatchObject(readOnly);
    await expect(log.consumer('g', ['in'])).rejects.toMatchObject(readOnly);
    await expect(log.ensureTopics([{ name: 'new', partitions: 1 }])).rejects.toMatchObject(readOnly);
    await log.ensureTopics([{ name: 'in', partitions: 1 }]);
    await expect(log.ensureTopics([{ name: 'in', partitions: 2 }])).rejects.toThrow(/partitions is 1, expected 2/);
    await log.close();
    await expect(log.describe()).rejects.toMatchObject({ code: 'topics-closed' });
  });
});

describe('a full disk', () => {
  it('fails the transaction, keeps earlier data, and accepts writes once there is space', async () => {
    const folder = temporaryFolder();
    const program = fileURLToPath(new URL('programs/filler.mjs', import.meta.url));
    // A limit on file size, in blocks of 512 bytes, simulates a full disk.
    const command = `ulimit -f 4000; exec "${process.execPath}" "${program}" "${folder}"`;
    const { written, found, refused } = JSON.parse(
      execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: 'pipe' }),
    );
    expect(refused).toMatchObject({ name: 'UserError', code: 'disk-full' });
    expect(refused.message).toContain(folder);
    expect(written).toBeGreaterThan(0);
    expect(found).toBe(written);
    const log = await openEmbedded(folder);
    await log.append([{ topic: 'in', key: 'more', value: new Uint8Array(100_000) }]);
    expect(await log.read('in', 0, 0n, 1_000_000)).toHaveLength(written + 1);
    await log.close();
  });
});
