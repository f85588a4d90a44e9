import { chmodSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PrivilegedTable, privilegedTable } from '../../../src/privileged/documents/table.js';
import { ingest, watchSources } from '../../../src/privileged/sources/ingest.js';
import type { DocumentSource } from '../../../src/privileged/sources/source.js';
import { openEmbedded, type TopicLog } from '../../../src/topics/index.js';
import { docxOf } from './fixtures.js';
import { contents, fresh, ingestFolder } from './ingest-folder.js';

const at = ingestFolder();
const { write } = at;
const run = (log: TopicLog, table: PrivilegedTable, ...sources: DocumentSource[]) => at.run(log, table, sources);
const docs: DocumentSource = { files: ['docs/**'] };

describe('ingest of files', () => {
  it('writes new and changed documents, marks deleted ones, and leaves the rest alone', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', '# A\n\nfirst');
    write('docs/sub/b.txt', 'second\n\n'.repeat(20));
    expect(await run(log, table, docs)).toEqual({ unchanged: 0, written: 2, deleted: 0, chunks: 4, problems: [] });
    const written = log.records('privileged').length;
    expect(await run(log, table, docs)).toEqual({ unchanged: 2, written: 0, deleted: 0, chunks: 0, problems: [] });
    expect(log.records('privileged')).toHaveLength(written);

    const before = (await table.document('docs/a.md'))?.current?.version;
    write('docs/a.md', '# A\n\nchanged');
    rmSync(join(at.folder, 'docs/sub/b.txt'));
    expect(await run(log, table, docs)).toMatchObject({ unchanged: 0, written: 1, deleted: 1 });
    expect(await contents(table)).toEqual({ 'docs/a.md': '# A\n\nchanged' });
    expect((await table.document('docs/a.md'))?.versions.map(({ version }) => version)).toContain(before);
    expect((await table.document('docs/sub/b.txt'))?.current).toBeNull();

    write('docs/sub/b.txt', 'second\n\n'.repeat(20));
    expect(await run(log, table, docs)).toMatchObject({ unchanged: 1, written: 1, deleted: 0 });
    expect(Object.keys(await contents(table))).toEqual(['docs/a.md', 'docs/sub/b.txt']);
  });

  it('does not rewrite a file that was only touched, also after a restart', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    await run(log, table, docs);
    utimesSync(join(at.folder, 'docs/a.md'), 1, 1);
    expect(await run(log, await privilegedTable(log), docs)).toMatchObject({ unchanged: 1, written: 0 });
  });

  it('notices a change with the same size and modification time', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    utimesSync(join(at.folder, 'docs/a.md'), 1, 1);
    await run(log, table, docs);
    write('docs/a.md', 'tent');
    utimesSync(join(at.folder, 'docs/a.md'), 1, 1);
    expect(await run(log, table, docs)).toMatchObject({ written: 1 });
  });

  it('rewrites a document when its label or the chunk size changes, and reports one that two sources contain', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'word '.repeat(40));
    await run(log, table, docs);
    expect(await run(log, table, { ...docs, label: 'sales' })).toMatchObject({ written: 1 });
    expect((await table.document('docs/a.md'))?.current?.label).toBe('sales');
    const twice = await run(log, table, { ...docs, label: 'sales' }, { files: ['**/*.md'], label: 'all' });
    expect(twice.problems).toMatchObject([{ code: 'document-twice', source: 'docs/a.md' }]);
    expect((await table.document('docs/a.md'))?.current?.label).toBe('sales');
    const chunk = { maxCharacters: 100, overlap: 0 };
    await ingest(log, table, {
      run: 'r',
      sources: [{ ...docs, label: 'sales' }],
      folder: at.folder,
      now: at.now,
      chunk,
    });
    expect((await table.document('docs/a.md'))?.current?.spans.every(({ start, end }) => end - start <= 100)).toBe(
      true,
    );
    expect((await table.document('docs/a.md'))?.current?.spans.length).toBe(2);
  });

  it('reports a document that it cannot read, keeps its last version, and reads the rest', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'good once');
    write('docs/b.md', 'good');
    await run(log, table, docs);
    write('docs/a.md', Buffer.from([0xff, 0x41, 0xfe]));
    write('docs/c.pdf', 'no pdf');
    write('docs/d.md', '');
    write('docs/e.md', 'late');
    write('docs/f.md', '');
    truncateSync(join(at.folder, 'docs/f.md'), 65 << 20);
    for (let round = 0; round < 2; round++) {
      const { problems, deleted } = await run(log, table, docs);
      expect(problems.map(({ source, code }) => [source, code])).toEqual([
        ['docs/a.md', 'document-encoding'],
        ['docs/c.pdf', 'document-unreadable'],
        ['docs/d.md', 'document-empty'],
        ['docs/f.md', 'document-huge'],
      ]);
      expect(deleted).toBe(0);
    }
    expect(await contents(table)).toEqual({ 'docs/a.md': 'good once', 'docs/b.md': 'good', 'docs/e.md': 'late' });
  });

  it('goes on after documents that would end the run or never end', async () => {
    const { log, table } = await fresh();
    write('docs/a.html', `${'<div>'.repeat(3000)}x`);
    write('docs/b.html', '<table><tr><td colspan="1000000">Bolts<tr><td>M4<td>5</table>');
    write('docs/c.html', `${'<b>'.repeat(500)}${'</i>'.repeat(1_000_000)}`);
    write('docs/d.md', 'text');
    const { problems } = await at.run(log, table, [docs], { limits: { seconds: 0.3, memory: 512 } });
    expect(problems.map(({ source, code }) => [source, code])).toEqual([
      ['docs/a.html', 'document-unreadable'],
      ['docs/c.html', 'document-unreadable'],
    ]);
    expect(await contents(table)).toEqual({ 'docs/b.html': 'Bolts\nM4 | 5', 'docs/d.md': 'text' });
  });

  it('reports what it had to leave out of a document that it read', async () => {
    const { log, table } = await fresh();
    const chart = '<w:drawing><a:graphicData uri="http://x/chart"/></w:drawing>';
    write('docs/a.docx', docxOf(`<w:p><w:r><w:t>text</w:t>${chart}</w:r></w:p>`));
    expect(await run(log, table, docs)).toMatchObject({
      written: 1,
      problems: [
        {
          code: 'document-partial',
          message: expect.stringContaining('docs/a.docx: its text was read without 1 chart'),
        },
      ],
    });
    expect(await run(log, table, docs)).toMatchObject({ unchanged: 1, problems: [] });
  });

  it('deletes nothing when a source is empty, as when a disk is not mounted', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    write('more/b.md', 'text');
    const both: DocumentSource[] = [docs, { files: ['more/*'] }];
    await run(log, table, ...both);
    renameSync(join(at.folder, 'docs'), join(at.folder, 'gone'));
    rmSync(join(at.folder, 'more/b.md'));
    write('more/c.md', 'new');
    const report = await run(log, table, ...both);
    expect(report).toMatchObject({ deleted: 0, written: 1, problems: [{ code: 'source-empty', source: 'docs/**' }] });
    expect(Object.keys(await contents(table))).toEqual(['docs/a.md', 'more/b.md', 'more/c.md']);
  });

  it('reports links, which could lead out of the folder or in circles, and does not follow them', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    write('outside/secret.md', 'outside');
    symlinkSync(join(at.folder, 'outside/secret.md'), join(at.folder, 'docs/link.md'));
    symlinkSync(join(at.folder, 'outside'), join(at.folder, 'docs/sub'));
    symlinkSync(join(at.folder, 'docs'), join(at.folder, 'docs/circle'));
    symlinkSync(join(at.folder, 'nowhere'), join(at.folder, 'docs/broken'));
    const { problems } = await run(log, table, docs);
    expect(problems.map(({ source, code }) => [source, code])).toEqual(
      ['broken', 'circle', 'link.md', 'sub'].map((name) => [`docs/${name}`, 'document-link']),
    );
    expect(Object.keys(await contents(table))).toEqual(['docs/a.md']);
  });

  it('reports a file that it may not read', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    chmodSync(join(at.folder, 'docs/a.md'), 0);
    // Root may read everything, so it reads as somebody else.
    const root = process.getuid?.() === 0;
    if (root) chmodSync(at.folder, 0o777);
    try {
      if (root) process.seteuid?.(65534);
      expect((await run(log, table, docs)).problems).toMatchObject([{ code: 'document-unreadable' }]);
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  it('reports a folder that it may not list, reads the rest, and deletes nothing', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    write('docs/sub/b.md', 'text');
    await run(log, table, docs);
    chmodSync(join(at.folder, 'docs/sub'), 0);
    write('docs/c.md', 'new');
    const root = process.getuid?.() === 0;
    if (root) chmodSync(at.folder, 0o777);
    try {
      if (root) process.seteuid?.(65534);
      expect(await run(log, table, docs)).toMatchObject({
        written: 1,
        deleted: 0,
        problems: [{ code: 'source-unreadable', message: expect.stringContaining('docs/sub (EACCES)') }],
      });
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(join(at.folder, 'docs/sub'), 0o755);
    }
  });

  it('ends in the same state as a first ingest of the same files, after any sequence of edits', async () => {
    const names = ['a.md', 'b.txt', 'c.ts'];
    const edit = fc.record({
      name: fc.constantFrom(...names),
      text: fc.option(
        fc.string({ minLength: 1, maxLength: 200 }).filter((text) => text.trim() !== '' && !text.includes('\0')),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), async (rounds) => {
        rmSync(join(at.folder, 'docs'), { recursive: true, force: true });
        write('docs/always.md', 'always here');
        const { log, table } = await fresh();
        for (const edits of rounds) {
          for (const { name, text } of edits) {
            if (text === null) rmSync(join(at.folder, 'docs', name), { force: true });
            else write(`docs/${name}`, text);
          }
          await run(log, table, docs);
        }
        await run(log, table, docs);
        const scratch = await fresh();
        await run(scratch.log, scratch.table, docs);
        const expected = await contents(scratch.table);
        expect(await contents(table)).toEqual(expected);
        expect(await contents(await privilegedTable(log))).toEqual(expected);
        log.compact('privileged');
        expect(await contents(await privilegedTable(log))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});

describe('ingest of a topic', () => {
  it('reads the newest text of each key, with the fields in its headers', async () => {
    const { log, table } = await fresh();
    const put = (key: string, text: string | null, headers: Record<string, string> = {}) =>
      log.append([{ topic: 'notes', key, value: text === null ? null : Buffer.from(text), headers }]);
    await put('a', 'old');
    await put('a', 'new', { title: 'Note A', label: 'hr' });
    await put('b', 'trace of x', { itemId: 'x', kind: 'trace' });
    await put('bad', 'text', { kind: 'poem' });
    await log.append([{ topic: 'notes', key: 'bytes', value: new Uint8Array([0xff]) }]);
    const report = await run(log, table, { topic: 'notes' });
    expect(report.problems.map(({ code }) => code).sort()).toEqual(['document-encoding', 'source-field']);
    expect(await contents(table)).toEqual({ 'notes:a': 'new', 'trace:x': 'trace of x' });
    expect((await table.document('notes:a'))?.current).toMatchObject({ title: 'Note A', label: 'hr' });
    await put('a', null);
    expect(await run(log, table, { topic: 'notes' })).toMatchObject({ unchanged: 1, written: 0, deleted: 1 });
    expect((await run(log, table, { topic: 'none' })).problems).toMatchObject([{ code: 'no-topic' }]);
  });
});

describe('on the embedded log', () => {
  it('watches until its signal aborts', async () => {
    const log = await openEmbedded(join(at.folder, 'log'));
    await log.ensureTopics([{ name: 'privileged', partitions: 2, compact: true }]);
    write('docs/a.md', 'one');
    const stop = new AbortController();
    const seen: number[] = [];
    const options = { run: 'r', sources: [docs], folder: at.folder, now: at.now, intervalMs: 1, signal: stop.signal };
    const table = await privilegedTable(log);
    for await (const { written } of watchSources(log, table, options)) {
      seen.push(written);
      if (seen.length === 1) write('docs/a.md', 'two');
      if (seen.length === 3) stop.abort();
    }
    expect(seen).toEqual([1, 1, 0]);
    expect(await contents(await privilegedTable(log))).toEqual({ 'docs/a.md': 'two' });
    await log.close();
  });
});
