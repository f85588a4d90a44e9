import { expect, it } from 'vitest';
import { pdfContent } from '../../../src/privileged/formats/pdf.js';
import { pdf } from '../sources/fixtures.js';

const read = (text: string, rest: Parameters<typeof pdf>[1]) => pdfContent('a.pdf', pdf(text, rest));

it('marks sub- and superscripts by their size and place', async () => {
  const drawn = [
    '5 Ts /F1 8 Tf (6) Tj',
    '0 Ts /F1 12 Tf ( and x) Tj',
    '-3 Ts /F1 8 Tf (1) Tj',
    '0 Ts /F1 12 Tf (y) Tj',
    '/F1 8 Tf (small) Tj',
  ];
  expect((await read('10', { drawn: drawn.join(' ') })).text).toBe('10^6 and x_{1}ysmall');
});

it('takes the title of the properties, unless it names a file', async () => {
  expect((await read('x', { title: 'Pump Manual' })).title).toBe('Pump Manual');
  for (const title of ['', 'Microsoft Word - a.doc', 'draft.docx', 'Untitled'])
    expect((await read('x', { title })).title, title).toBeUndefined();
});
