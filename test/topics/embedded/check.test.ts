import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { expect, it } from 'vitest';
import { UserError } from '../../../src/support/errors.js';
import { checkEmbedded } from '../../../src/topics/embedded/check.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { temporaryFolder } from '../folder.js';

/** A log with plain, compacted and partitioned topics, a gap marker, long values, and a group. */
async function filled(): Promise<string> {
  const folder = temporaryFolder();
  const log = await openEmbedded(folder);
  await log.ensureTopics([
    { name: 'plain', partitions: 1 },
    { name: 'spread', partitions: 3 },
    { name: 'table', partitions: 1, compact: true },
    { name: 'empty', partitions: 1 },
  ]);
  for (let i = 0; i < 30; i++) {
    const value = i % 7 === 3 ? null : new Uint8Array(i % 11 === 0 ? 6000 : 40 + i).fill(i);
    await log.append(
      ['plain', 'spread', 'table'].map((topic) => ({ topic, key: `key-${i % 12}`, value, headers: { step: `${i}` } })),
    );
  }
  const consumer = await log.consumer('stage', ['plain']);
  await consumer.commit({ appends: [], offsets: [{ topic: 'plain', partition: 0, offset: 20n }] });
  await consumer.close();
  await log.close();
  return folder;
}

async function entriesOf(folder: string): Promise<Map<string, string>> {
  const options = { path: folder, noSubdir: false, readOnly: true, encoding: 'binary', keyEncoding: 'binary' } as const;
  const db = open<Buffer, Buffer>(options);
  const entries = [...db.getRange({ start: Buffer.from([0]) })];
  await db.close();
  return new Map(entries.map(({ key, value }) => [key.toString('latin1'), value.toString('latin1')]));
}

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');

it('detects a flipped bit in the key or value of any entry, and names topic and place', async () => {
  const folder = await filled();
  const file = join(folder, 'data.mdb');
  const original = readFileSync(file);
  expect(await checkEmbedded(folder, true)).toBeUndefined();
  const kinds = new Set<string>();
  for (const [key, value] of await entriesOf(folder)) {
    // What tells the format and the writer is read at opening.
    if (key === 'f' || key === 'w') continue;
    const [keyBytes, valueBytes] = [Buffer.from(key, 'latin1'), Buffer.from(value, 'latin1')];
    const node = valueBytes.length > 2000 ? keyBytes : Buffer.concat([keyBytes, valueBytes]);
    const places = [1, keyBytes.length - 1, ...(node === keyBytes ? [] : [keyBytes.length + 2, node.length - 1])];
    for (const place of places) {
      const bytes = Buffer.from(original);
      for (let at = bytes.indexOf(node); at >= 0; at = bytes.indexOf(node, at + node.length))
        bytes[at + place] = (bytes[at + place] ?? 0) ^ (1 << (place % 8));
      writeFileSync(file, bytes);
      const damage = await checkEmbedded(folder, true);
      expect(damage, `byte ${place} of ${hex(key)}`).toMatchObject({
        expected: expect.stringMatching(/./),
        found: expect.stringMatching(/./),
      });
      const { topic = '', field = '' } = damage ?? {};
      kinds.add(field.replace(/ of (topic|group) .*/, ''));
      // A record of the compacted topic whose offset became another's is told of at that one.
      const moved = keyBytes.readUInt32BE(1) === 3 && place === keyBytes.length - 1;
      if (key.startsWith('r') && !moved)
        expect(damage?.offset, `byte ${place} of ${hex(key)}`).toBe(keyBytes.readBigUInt64BE(9));
      if (place > keyBytes.length) expect(['plain', 'spread', 'table', 'empty']).toContain(topic);
    }
  }
  expect([...kinds].sort()).toEqual([
    'bounds',
    'checksum',
    'committed offset',
    'entry',
    'index of the newest record of a key',
    'record',
    'settings',
  ]);
}, 60_000);

it('detects every flipped bit that an entry depends on', async () => {
  const folder = await filled();
  const file = join(folder, 'data.mdb');
  const original = readFileSync(file);
  const entries = await entriesOf(folder);
  let found = 0;
  // The first two pages tell which transaction is the newest; LMDB keeps no checksum of them.
  const pages = original.length - 2 * 4096;
  for (let i = 0; i < 150; i++) {
    const at = 2 * 4096 + ((i * 7919 * 31 + 17) % pages);
    const bytes = Buffer.from(original);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (i % 8));
    writeFileSync(file, bytes);
    const damage = await checkEmbedded(folder, true).catch((error) => {
      expect(error).toBeInstanceOf(UserError);
      return error;
    });
    if (damage) found++;
    else expect(await entriesOf(folder), `byte ${at}`).toEqual(entries);
  }
  expect(found).toBeGreaterThan(40);
}, 60_000);
