import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from 'vitest';
import { readItems } from '../../src/sources/file.js';
import { promptFiles } from '../../src/sources/files.js';
import type { Mapping } from '../../src/sources/mapping.js';
import { isBad } from '../../src/sources/source.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
};
/** The items of files, and the messages of bad rows. */
const read = async (file: string | string[], mapping: Mapping = {}) => {
  const found = [];
  for await (const one of readItems(await promptFiles(file, folder), mapping))
    found.push(isBad(one) ? one.error.message : one);
  return found;
};

describe('a CSV file of prompts', () => {
  it('has a header, quoted cells and empty ones', async () => {
    write('a.csv', '\uFEFFid,question,answer,trace\n007,"2, or\n""3""?",2.50,\n');
    expect(await read('a.csv')).toMatchObject([
      { itemId: '007', question: '2, or\n"3"?', answer: '2.50', trace: null, source: 'a.csv:3' },
    ]);
  });
  it('may be separated by tabs', async () => {
    write('a.tsv', 'question\tanswer\r\na,b?\t1\r\n');
    expect(await read('a.tsv')).toMatchObject([{ question: 'a,b?', answer: '1' }]);
  });
  it('reads JSON in the column data', async () => {
    write('d.csv', 'question,data\n1?,"{""n"": 1.50}"\n');
    expect(await read('d.csv')).toMatchObject([{ data: '{"n":1.50}' }]);
  });
  it('loses only the row that is ragged or not UTF-8', async () => {
    const rows = 'id,question\na,1?\nb,2?,x\nc,"3?"x\nd,caf\xe9\ne,5?\n';
    write('b.csv', Buffer.from(rows, 'latin1'));
    expect(await read('b.csv')).toMatchObject([
      { itemId: 'a' },
      'b.csv:3: found 3 cells, expected 2 as in the header',
      { itemId: 'c' },
      'b.csv:5: question: found bytes that are not UTF-8, expected UTF-8',
      { itemId: 'e' },
    ]);
  });
});

describe('a JSON file of prompts', () => {
  it('is a list, one prompt, or JSON lines in spite of its name', async () => {
    write('list.json', '[\n {"id": 1.0, "question": "1?"},\n 2,\n {"question": "3?"}\n]');
    expect(await read('list.json')).toMatchObject([
      { itemId: '1.0', source: 'list.json:1' },
      'list.json:2: found a number, expected an object',
      { question: '3?' },
    ]);
    write('one.json', '{\n "id": "x", "question": "1?"\n}');
    expect(await read('one.json')).toMatchObject([{ itemId: 'x' }]);
    write('lines.json', '\n{"id": "x", "question": "1?"}\nbroken\n');
    expect(await read('lines.json')).toMatchObject([
      { itemId: 'x' },
      expect.stringContaining('lines.json:3: not JSON'),
    ]);
  });
});

describe('a Parquet file of prompts', () => {
  const make = async (name: string, select: string) => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `COPY (${select}) TO '${join(folder, name).replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    );
  };
  it('keeps the digits of its numbers and leaves binary columns out', async () => {
    await make(
      "a'b.parquet",
      `SELECT 9007199254740993::BIGINT AS id, '1?' AS question, 2.50::DECIMAL(9,2) AS answer, NULL::VARCHAR AS trace,
         {'n': 1, 'l': ['x']} AS data, 'x'::BLOB AS image
       UNION ALL SELECT 2, '2?', NULL, 't', NULL, NULL`,
    );
    expect(await read("a'b.parquet")).toMatchObject([
      { itemId: '9007199254740993', answer: '2.50', data: '{"n":1,"l":["x"]}', source: "a'b.parquet:1" },
      { itemId: '2', answer: '', trace: 't', data: null },
    ]);
  });
  it('may have conversations and nested answers', async () => {
    await make(
      'verl.parquet',
      `SELECT [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': '1 + 1?'}] AS prompt,
         {'ground_truth': '2', 'style': 'rule'} AS reward_model, 'NaN'::DOUBLE AS score`,
    );
    expect(
      await read('verl.parquet', { fields: { question: 'prompt', answer: 'reward_model.ground_truth' } }),
    ).toMatchObject([{ question: '1 + 1?', before: [{ role: 'system', content: 'Be brief.' }], answer: '2' }]);
  });
  it('that is none is refused by name', async () => {
    write('not.parquet', 'text');
    await expect(read('not.parquet')).rejects.toThrow(/^not\.parquet: cannot be read as Parquet: /);
  });
});

describe('several files', () => {
  it('are a folder, a glob or a list, sorted, and share their ids', async () => {
    write('math/b.jsonl', '{"id":"b","question":"b?"}');
    write('math/a/1.jsonl.gz', gzipSync('{"id":"a","question":"a?"}'));
    write('math/c.csv', 'id,question\nb,c?');
    write('math/dataset_info.json', '{"features": []}');
    const all = [
      { itemId: 'a', source: 'math/a/1.jsonl.gz:1' },
      { itemId: 'b' },
      'math/c.csv:2: id: found b again, first at math/b.jsonl:1',
    ];
    expect(await read('math')).toMatchObject(all);
    expect(await read('math/**/*.{csv,gz,jsonl}')).toMatchObject(all);
    expect(await read(['math/b.jsonl', 'math/a'])).toMatchObject([{ itemId: 'b' }, { itemId: 'a' }]);
  });
  it('may be a folder of one JSON file per prompt', async () => {
    write('folder/1.json', '{"problem":"1?"}');
    write('folder/2.json', '{"problem":"2?"}');
    expect(await read('folder', { fields: { question: 'problem' } })).toMatchObject([
      { question: '1?' },
      { question: '2?' },
    ]);
  });
  it.each([
    ['none/*.jsonl', /none\/\*\.jsonl: no such file/],
    ['x.xlsx', /x\.xlsx: found the extension \.xlsx; expected one of \.jsonl/],
    ['x.jsnol', /x\.jsnol: found the extension \.jsnol; did you mean \.jsonl\?/],
    ['empty', /empty: no prompt file in this folder; expected one of \.jsonl/],
    ['broken.jsonl.gz', /broken\.jsonl\.gz: cannot be read \(Z_[A-Z]+_ERROR\)/],
  ])('%s is refused', async (name, message) => {
    for (const file of ['x.xlsx', 'x.jsnol', 'empty/readme.md', 'broken.jsonl.gz']) write(file, 'x');
    await expect(read(name)).rejects.toThrow(message);
  });
});
