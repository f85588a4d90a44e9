import { expect, it } from 'vitest';
import type { Manifest } from '../../../src/runs/manifest/manifest.js';
import { manifestAppends, readTopicManifest } from '../../../src/runs/manifest/topic.js';
import { memoryLog } from '../../privileged/memory-log.js';

/** Enough of a manifest for its records, with the hashes of this many documents. */
const manifestOf = (documents: number) =>
  ({
    format: 1,
    run: 'r',
    folder: '/here',
    documents: Object.fromEntries(Array.from({ length: documents }, (_, k) => [`docs/größe ${k}.md`, 'ab'.repeat(32)])),
  }) as unknown as Manifest;

const logOf = async (...manifests: readonly Manifest[]) => {
  const log = memoryLog([{ name: 'manifest', partitions: 1, compact: true }]);
  for (const manifest of manifests) await log.append(manifestAppends(manifest));
  return log;
};

it.each([0, 1, 100, 12_000])('reads back a manifest of %d documents, without the folder', async (count) => {
  const { folder: _, ...portable } = manifestOf(count);
  const log = await logOf(manifestOf(count), manifestOf(3));
  expect((await readTopicManifest(log))?.manifest).toEqual(portable);
  log.compact('manifest');
  expect((await readTopicManifest(await logOf(manifestOf(count), manifestOf(count))))?.manifest).toEqual(portable);
});

it('fits every record into a small message', () => {
  const appends = manifestAppends(manifestOf(12_000));
  expect(appends.length).toBeGreaterThan(60);
  expect(Math.max(...appends.map(({ value }) => value?.byteLength ?? 0))).toBeLessThan(17 << 10);
  expect(new Set(appends.map(({ key }) => key)).size).toBe(appends.length);
});

it('refuses a manifest whose document hashes are gone', async () => {
  const log = await logOf(manifestOf(1000));
  const [first] = log.records('manifest');
  await log.append([{ topic: 'manifest', key: first?.key ?? '', value: null }]);
  log.compact('manifest');
  await expect(readTopicManifest(log)).rejects.toMatchObject({ code: 'bad-manifest' });
});
