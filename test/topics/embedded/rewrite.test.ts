import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { topicDigest } from '../../../src/topics/digest.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { rewriteEmbedded } from '../../../src/topics/embedded/rewrite.js';
import { temporaryFolder } from '../folder.js';

const text = 'zqSECRET ';
const specs = [
  { name: 'docs', partitions: 2, compact: true },
  { name: 'log', partitions: 1 },
];

describe('rewriting a folder of topics', () => {
  it('erases removed data and keeps all other records, offsets and groups', async () => {
    const folder = temporaryFolder();
    const log = await openEmbedded(folder);
    await log.ensureTopics(specs);
    for (let n = 0; n < 40; n++)
      await log.append([
        { topic: 'docs', key: `d${n}`, value: Buffer.from(text.repeat(n * 20 + 1)) },
        { topic: 'log', key: `k${n}`, value: Buffer.from(`kept ${n}`), headers: { n: String(n) } },
      ]);
    const consumer = await log.consumer('group', ['log']);
    await consumer.poll(7, 0);
    await consumer.commit({ appends: [], offsets: [{ topic: 'log', partition: 0, offset: 7n }] });
    await log.append(Array.from({ length: 40 }, (_, n) => ({ topic: 'docs', key: `d${n}`, value: null })));
    const digests = await Promise.all(specs.map(({ name }) => topicDigest(log, name)));
    const described = await log.describe();
    await expect(rewriteEmbedded(folder)).rejects.toMatchObject({ code: 'topics-locked' });
    await log.close();
    const file = join(folder, 'data.mdb');
    expect(readFileSync(file).includes(text)).toBe(true);
    const before = statSync(file).size;

    await rewriteEmbedded(folder);
    expect(readFileSync(file).includes(text)).toBe(false);
    expect(readFileSync(file).includes('kept 39')).toBe(true);
    expect(statSync(file).size).toBeLessThan(before);
    expect(readdirSync(folder)).not.toContain('rewritten');
    const again = await openEmbedded(folder);
    expect(await Promise.all(specs.map(({ name }) => topicDigest(again, name)))).toEqual(digests);
    expect(await again.describe()).toEqual(described);
    expect(await again.committed('group', 'log')).toEqual([{ topic: 'log', partition: 0, offset: 7n }]);
    const [position] = await again.append([{ topic: 'log', key: 'k40', value: Buffer.from('more') }]);
    expect(position?.offset).toBe(41n);
    await again.close();
  });
});
