import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forget } from '../../../src/privileged/documents/forget.js';
import { privilegedTable } from '../../../src/privileged/documents/table.js';
import { privilegedStore } from '../../../src/privileged/lookup/lookup.js';
import { ingest } from '../../../src/privileged/sources/ingest.js';
import { openEmbedded } from '../../../src/topics/index.js';
import { memoryLog } from '../memory-log.js';

describe('forget', () => {
  it('removes the text of every version from the topic, the table and the search, but keeps id and hashes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rlsd-forget-'));
    const log = await openEmbedded(join(folder, 'log'));
    await log.ensureTopics([{ name: 'privileged', partitions: 2, compact: true }]);
    const table = await privilegedTable(log);
    let clock = 0;
    const now = () => ++clock;
    const read = () => ingest(log, table, { run: 'r', sources: [{ files: ['*.md'] }], folder, now });
    for (const text of ['MARKER one', 'MARKER two']) {
      writeFileSync(join(folder, 'a.md'), text);
      writeFileSync(join(folder, 'b.md'), 'harmless');
      await read();
    }
    const store = await privilegedStore(table, { joins: [{ search: 3 }], labels: [], shown: 'own', seed: 1 });
    const { pieces } = await store.lookup('x', 'marker');
    expect(pieces).toHaveLength(1);
    const versions = (await table.document('a.md'))?.versions.map(({ version }) => version) ?? [];
    expect(versions).toHaveLength(2);

    expect(await forget(log, table, 'a.md', { run: 'r', now })).toEqual({ id: 'a.md', versions, removed: 2 });
    const left: string[] = [];
    for (let partition = 0; partition < 2; partition++) {
      for (const { key, value } of await log.read('privileged', partition, 0n, 100))
        left.push(key, Buffer.from(value ?? []).toString());
    }
    expect(left.join()).not.toContain('MARKER');
    for (const version of versions) expect(left).toContain(`a.md@${version}`);
    await expect(store.lookup('x', 'marker')).rejects.toMatchObject({ code: 'no-context' });
    await expect(store.lookup('x', 'marker', pieces)).rejects.toMatchObject({
      code: 'context-gone',
      message: expect.stringMatching(/a\.md.*forgotten/),
    });
    expect(await store.lookup('x', 'harmless')).toMatchObject({ pieces: [{ id: 'b.md' }] });

    const again = await read();
    expect(again).toMatchObject({
      written: 0,
      unchanged: 1,
      problems: [{ code: 'document-forgotten', source: 'a.md' }],
    });
    const reopened = await privilegedTable(log);
    expect(await reopened.document('a.md')).toMatchObject({
      current: null,
      versions: [],
      forgotten: expect.arrayContaining(versions),
    });
    expect(await forget(log, reopened, 'a.md', { run: 'r', now })).toMatchObject({
      removed: 0,
      versions: expect.arrayContaining(versions),
    });
    await log.close();
    rmSync(folder, { recursive: true });
  });

  it('reports a document that never existed', async () => {
    const log = memoryLog();
    const table = await privilegedTable(log);
    await expect(forget(log, table, 'no.md', { run: 'r', now: () => 1 })).rejects.toMatchObject({
      code: 'no-document',
    });
  });
});
