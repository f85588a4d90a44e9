import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PrivilegedTable } from '../../../src/privileged/documents/table.js';
import type { DocumentSource } from '../../../src/privileged/sources/source.js';
import type { TopicLog } from '../../../src/topics/index.js';
import { contents, fresh, ingestFolder } from './ingest-folder.js';

const at = ingestFolder();
const { write } = at;
const run = (log: TopicLog, table: PrivilegedTable, ...sources: DocumentSource[]) => at.run(log, table, sources);

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
    appendFileSync(join(at.folder, 'traces.jsonl'), '{"id":"c","answer":"z","steps":"w"}\n');
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

  const csv: DocumentSource = { keyed: 't.csv', key: 'id', trace: 'steps' };
  const read = async (content: string | Uint8Array, source: DocumentSource = csv) => {
    const { log, table } = await fresh();
    write('keyed' in source ? source.keyed : '', content);
    const { problems } = await run(log, table, source);
    return { texts: await contents(table), messages: problems.map(({ message }) => message) };
  };

  it('reports a CSV row of another length than the header, and reads the rest', async () => {
    const { texts, messages } = await read('id,steps\n1,a,MARKER\n2\n3,ok\n4,"a"x\n5,"fi\nne"\n');
    expect(texts).toEqual({ 'trace:3': 'ok', 'trace:4': '"a"x', 'trace:5': 'fi\nne' });
    expect(messages).toEqual([
      't.csv:2: found 3 fields, expected 2 as in the header',
      't.csv:3: found 1 field, expected 2 as in the header',
    ]);
  });

  it.each([
    ['id,steps,steps\n1,a,b\n', 't.csv:1: column steps is there 2 times, expected once'],
    ['id,step\n1,a\n', 't.csv:1: no column steps; did you mean step?'],
    ['MARKER,other\n1,a\n', 't.csv:1: no column id; expected one of the 2 columns in its first line'],
    ['', 't.csv: found no header, expected a row of column names'],
  ])('refuses the header of %j', async (content, message) => {
    expect(await read(content)).toEqual({ texts: {}, messages: [message] });
  });

  it('allows a column that is not used to appear twice', async () => {
    expect(await read('id,note,note,steps\n1,a,b,c\n')).toEqual({ texts: { 'trace:1': 'c' }, messages: [] });
  });

  it('reads UTF-16 tables with a byte order mark', async () => {
    const bare = Buffer.from('id,steps\n1,a\n', 'utf16le');
    const table = Buffer.from('\uFEFFid,steps\n1,größe\n', 'utf16le');
    const lines = Buffer.from('\uFEFF{"id":"1","steps":"größe"}\n', 'utf16le');
    for (const bytes of [table, Buffer.from(table).swap16()])
      expect(await read(bytes)).toEqual({ texts: { 'trace:1': 'größe' }, messages: [] });
    expect(await read(lines, { ...csv, keyed: 't.jsonl' })).toEqual({ texts: { 'trace:1': 'größe' }, messages: [] });
    expect((await read(bare)).messages).toEqual(['t.csv: found NUL bytes, expected text']);
  });

  it('keeps the digits of numbers', async () => {
    const line = '{"id":12345678901234567890,"steps":{"x":[1.10,90071992547409931,1e3]}}\n{"id":7,"steps":0.50}\n';
    expect((await read(line, { ...csv, keyed: 't.jsonl' })).texts).toEqual({
      'trace:12345678901234567890': '{"x":[1.10,90071992547409931,1e3]}',
      'trace:7': '0.50',
    });
  });

  it('reports rows that are nested too deep, or name what every object inherits', async () => {
    const deep = `{"id":"1","steps":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const { texts, messages } = await read(`${deep}\n{"id":"2","steps":"ok"}\n`, { ...csv, keyed: 't.jsonl' });
    expect(texts).toEqual({ 'trace:2': 'ok' });
    expect(messages).toHaveLength(1);
    const source = { ...csv, keyed: 't.jsonl', trace: 'constructor' };
    expect((await read('{"id":"1"}\n', source)).messages).toEqual(['t.jsonl:1: field constructor is missing']);
  });

  it('lists a thousand rows with problems and counts the others', async () => {
    const { messages } = await read(`id,steps\n${'x\n'.repeat(1005)}`);
    expect(messages).toHaveLength(1001);
    expect(messages.at(-1)).toBe('t.csv: 5 more rows have problems; the first 1000 are listed');
  });
});
