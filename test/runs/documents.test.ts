import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { records, tinyFolder, tinyRun } from './tiny-run.js';

it('a run goes on without the documents and rows that cannot be read, and counts them', async () => {
  const folder = tinyFolder();
  mkdirSync(join(folder, 'docs'));
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  write('docs/a.md', 'two plus two is four');
  write('docs/deep.html', `${'<div>'.repeat(3000)}x`);
  write('docs/book.xlsx', 'PK');
  write('rows.csv', 'id,steps\ns1,one,MARKER\ns2,two\n');
  const sources = [{ files: ['docs/*'] }, { keyed: 'rows.csv', key: 'id', trace: 'steps' }];
  const { folder: run, summary } = await tinyRun(folder, 'run', {
    steps: 1,
    evaluate: { every: 1 },
    privileged: { sources, join: [{ search: 1 }] },
    teach: { every: 2, contextTokens: 8, template: '{{ context }} {{ question }}' },
  });
  expect(summary.documents).toEqual({
    ...{ written: 2, unchanged: 0, deleted: 0, chunks: 2 },
    problems: { 'document-format': 1, 'document-unreadable': 1, 'source-format': 1 },
  });
  const letters = await records(run, 'dead-letters');
  const ingested = letters.filter(({ stage }) => stage === 'ingest');
  expect(ingested.map(({ error }) => error).sort()).toEqual([
    'docs/book.xlsx: format not supported: Excel workbook (.xlsx); export each sheet as .csv',
    'docs/deep.html: elements are nested more than 512 deep, expected at most that',
    'rows.csv:2: found 3 fields, expected 2 as in the header',
  ]);
});
