import { afterEach, expect, it } from 'vitest';
import { documentReader } from '../../../src/privileged/reading/reader.js';
import { docx, pdf } from '../sources/fixtures.js';

const reader = documentReader({ seconds: 0.3, memory: 160 });
afterEach(() => reader.close());

const page = Buffer.from('<title>T</title><p>hi');
/** Closing tags that are each looked for in many open elements. */
const slow = Buffer.from(`${'<b>'.repeat(500)}${'</i>'.repeat(1_000_000)}`);
/** A tree that takes much memory. */
const large = Buffer.from('<b>a</b>'.repeat(2_000_000));

it('ends a document that takes more than its limits, and reads the next one', async () => {
  await expect(reader.read('slow.html', slow, [])).rejects.toMatchObject({
    code: 'document-unreadable',
    message: expect.stringMatching(/^slow\.html: takes more than 0.3 s to read; /),
  });
  await expect(reader.read('large.html', large, [])).rejects.toMatchObject({
    code: 'document-unreadable',
    message: expect.stringMatching(/^large\.html: (takes more than 0.3 s|needs more than 160 MiB)/),
  });
  expect(await reader.read('a.html', page, [])).toEqual({ title: 'T', text: 'hi', shape: 'headings' });
});

it('reads in its process what it reads here, with the same errors', async () => {
  expect(await reader.read('a.docx', docx('H', ['p']), [])).toMatchObject({ title: 'H', text: '# H\n\np' });
  expect(await reader.read('a.pdf', pdf('page'), [])).toMatchObject({ text: 'page' });
  expect(await reader.read('a.txt', Buffer.from('text'), [])).toMatchObject({ text: 'text' });
  await expect(reader.read('a.html', Buffer.from(' '), [])).rejects.toMatchObject({ code: 'document-empty' });
});
