import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PrivilegedTable, privilegedTable } from '../../../src/privileged/documents/table.js';
import { ingest, watchSources } from '../../../src/privileged/sources/ingest.js';
import type { DocumentSource } from '../../../src/privileged/sources/source.js';
import { openEmbedded, type TopicLog } from '../../../src/topics/index.js';
import { type MemoryLog, memoryLog } from '../memory-log.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-ingest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), content);
};
let clock = 0;
const run = (log: TopicLog, table: PrivilegedTable, ...sources: DocumentSource[]) =>
  ingest(log, table, { run: 'r', sources, folder, now: () => ++clock, chunk: { maxCharacters: 64, overlap: 0 } });
const docs: DocumentSource = { files: ['docs/**'] };

/** What a reader sees: each current document with its text put together from its chunks. */
async function contents(table: PrivilegedTable): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { id, current } of table.documents()) {
    if (!current) continue;
    let text = '';
    for (const span of current.spans) text += (await table.piece(current, span)).content;
    found.push([id, text]);
  }
  return Object.fromEntries(found.sort());
}

async function fresh(): Promise<{ log: MemoryLog; table: PrivilegedTable }> {
  const log = memoryLog([
    { name: 'privileged', partitions: 2, compact: true },
    { name: 'notes', partitions: 2, compact: true },
  ]);
  return { log, table: await privilegedTable(log) };
}

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
    rmSync(join(folder, 'docs/sub/b.txt'));
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
    utimesSync(join(folder, 'docs/a.md'), 1, 1);
    expect(await run(log, await privilegedTable(log), docs)).toMatchObject({ unchanged: 1, written: 0 });
  });

  it('notices a change with the same size and modification time', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    utimesSync(join(folder, 'docs/a.md'), 1, 1);
    await run(log, table, docs);
    write('docs/a.md', 'tent');
    utimesSync(join(folder, 'docs/a.md'), 1, 1);
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
    await ingest(log, table, { run: 'r', sources: [{ ...docs, label: 'sales' }], folder, now: () => ++clock, chunk });
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
    truncateSync(join(folder, 'docs/f.md'), 65 << 20);
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

  it('deletes nothing when a source is empty, as when a disk is not mounted', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    write('more/b.md', 'text');
    const both: DocumentSource[] = [docs, { files: ['more/*'] }];
    await run(log, table, ...both);
    renameSync(join(folder, 'docs'), join(folder, 'gone'));
    rmSync(join(folder, 'more/b.md'));
    write('more/c.md', 'new');
    const report = await run(log, table, ...both);
    expect(report).toMatchObject({ deleted: 0, written: 1, problems: [{ code: 'source-empty', source: 'docs/**' }] });
    expect(Object.keys(await contents(table))).toEqual(['docs/a.md', 'more/b.md', 'more/c.md']);
  });

  it('does not follow links out of the folder', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    write('outside/secret.md', 'outside');
    symlinkSync(join(folder, 'outside/secret.md'), join(folder, 'docs/link.md'));
    symlinkSync(join(folder, 'outside'), join(folder, 'docs/sub'));
    await run(log, table, docs);
    expect(Object.keys(await contents(table))).toEqual(['docs/a.md']);
  });

  it('reports a file that it may not read', async () => {
    const { log, table } = await fresh();
    write('docs/a.md', 'text');
    chmodSync(join(folder, 'docs/a.md'), 0);
    // Root may read everything, so it reads as somebody else.
    const root = process.getuid?.() === 0;
    if (root) chmodSync(folder, 0o777);
    try {
      if (root) process.seteuid?.(65534);
      expect((await run(log, table, docs)).problems).toMatchObject([{ code: 'document-unreadable' }]);
    } finally {
      if (root) process.seteuid?.(0);
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
        rmSync(join(folder, 'docs'), { recursive: true, force: true });
        write('docs/always.md', 'always here');
        const { log, table } = await fresh();
        for (const edits of rounds) {
          for (const { name, text } of edits) {
            if (text === null) rmSync(join(folder, 'docs', name), { force: true });
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

describe('ingest of rows by prompt key', () => {
  const rows: DocumentSource = { keyed: 'traces.jsonl', key: 'id', reference: 'answer', trace: 'steps' };

  it('creates a reference and a trace from each row', async () => {
    const { log, table } = await fresh();
    write('traces.jsonl', '\uFEFF{"id":"a","answer":5,"steps":"2+3=5"}\r\n\n{"id":"b","answer":"x","steps":["y"]}\n');
    expect(await run(log, table, rows)).toMatchObject({ written: 4, problems: [] });
    expect(await contents(table)).toEqual({
      'reference:a': '5',
      'reference:b': 'x',
      'trace:a': '2+3=5',
      'trace:b': '["y"]',
    });
    appendFileSync(join(folder, 'traces.jsonl'), '{"id":"c","answer":"z","steps":"w"}\n');
    expect(await run(log, table, rows)).toMatchObject({ unchanged: 4, written: 2 });
    write('traces.jsonl', '{"id":"a","answer":6,"steps":"2+3=5"}\n');
    expect(await run(log, table, rows)).toMatchObject({ unchanged: 1, written: 1, deleted: 4 });
  });

  it('reads quoted CSV, and TSV', async () => {
    const { log, table } = await fresh();
    write('t.csv', 'id,answer\n"a","5, or\n""five"""\nb,6\n');
    write('t.tsv', 'id\tanswer\nc\t7\n');
    const report = await run(
      log,
      table,
      { keyed: 't.csv', key: 'id', reference: 'answer' },
      { keyed: 't.tsv', key: 'id', reference: 'answer' },
    );
    expect(report.problems).toEqual([]);
    expect(await contents(table)).toEqual({ 'reference:a': '5, or\n"five"', 'reference:b': '6', 'reference:c': '7' });
  });

  it('reports bad rows with line and nearest column, and reads the rest', async () => {
    const { log, table } = await fresh();
    write(
      'traces.jsonl',
      '{"id":"a","answer":"MARKER","step":"s"}\nMARKER{\n[1]\n{"answer":"MARKER","steps":"s"}\n{"id":"a","answer":"6","steps":""}\n',
    );
    const { problems } = await run(log, table, rows);
    expect(problems.map(({ message }) => message)).toEqual([
      'traces.jsonl:1: field steps is missing; did you mean step?',
      'traces.jsonl:2: not a JSON object',
      'traces.jsonl:3: not a JSON object',
      'traces.jsonl:4: field id is missing',
      'traces.jsonl: document reference:a was already read in this ingest; the first one counts',
      'traces.jsonl:5: field steps is empty',
    ]);
    expect(await contents(table)).toEqual({ 'reference:a': 'MARKER' });
  });

  it.each([
    ['t.csv', 'id,answer\n"a,MARKER\n', /t\.csv:\d+: not valid CSV/],
    ['t.csv', Buffer.from('id,answer\na,gr\xf6sse\n', 'latin1'), /not UTF-8/],
    ['t.jsonl', Buffer.from('{"id":"gr\xf6sse"}\n', 'latin1'), /not UTF-8/],
    ['t.xls', 'x', /found the extension \.xls, expected \.csv/],
    [
      'line.jsonl',
      `{"id": 1, "answer": 2}\n{"id": "${'x'.repeat(33 << 20)}"}`,
      /^line\.jsonl:2: found a line of more than/,
    ],
    [
      'open.csv',
      `id,answer\n1,"${'y'.repeat(33 << 20)}`,
      /more than 33554432 characters; check for an unclosed quotation mark/,
    ],
  ])('reports %s as a whole', async (keyed, content, message) => {
    const { log, table } = await fresh();
    write(keyed, content);
    const { problems } = await run(log, table, { keyed, key: 'id', reference: 'answer' });
    expect(problems).toMatchObject([{ source: keyed, message: expect.stringMatching(message) }]);
    expect(problems[0]?.message).not.toContain('MARKER');
  });

  it('requires the file and a column', async () => {
    const { log, table } = await fresh();
    expect((await run(log, table, { keyed: 'no.csv', key: 'id', trace: 't' })).problems).toMatchObject([
      { code: 'document-unreadable', message: 'no.csv: cannot be read (ENOENT)' },
    ]);
    expect((await run(log, table, { keyed: 'no.csv', key: 'id' })).problems).toMatchObject([{ code: 'source-field' }]);
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
    const log = await openEmbedded(join(folder, 'log'));
    await log.ensureTopics([{ name: 'privileged', partitions: 2, compact: true }]);
    write('docs/a.md', 'one');
    const stop = new AbortController();
    const seen: number[] = [];
    const options = { run: 'r', sources: [docs], folder, now: () => ++clock, intervalMs: 1, signal: stop.signal };
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
