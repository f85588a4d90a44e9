import { describe, expect, it } from 'vitest';
import { extractText } from '../../../src/privileged/sources/extract.js';
import { docx, pdf } from './fixtures.js';

const utf16be = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();
const secret = 'MARKER-7f3';

describe('extractText', () => {
  it('reads Markdown, with the first heading as title and normalized line ends', async () => {
    expect(await extractText('a/guide.md', Buffer.from('intro\r\n\r\n## The guide ##\r\ntext'))).toEqual({
      title: 'The guide',
      text: 'intro\n\n## The guide ##\ntext',
      shape: 'headings',
    });
  });

  it('reads HTML as text with headings and tables, without scripts', async () => {
    const html =
      '<html><style>p{}</style><script>alert(1)</script><h2>Part &amp; whole</h2><p>See <a href="http://x/y">this</a>.</p><table><tr><td>a</td><td>b</td></tr></table></html>';
    const { title, text } = await extractText('x.html', Buffer.from(html));
    expect(title).toBe('Part & whole');
    expect(text).toBe('## Part & whole\n\nSee this (http://x/y).\n\na | b');
  });

  it('reads PDF and docx', async () => {
    expect(await extractText('x.pdf', pdf('Hello from a page'))).toEqual({
      title: 'x.pdf',
      text: 'Hello from a page',
      shape: 'paragraphs',
    });
    expect(await extractText('x.docx', docx('Report', ['First.', 'Second.']))).toEqual({
      title: 'Report',
      text: '# Report\n\nFirst.\n\nSecond.',
      shape: 'headings',
    });
  });

  it('recognizes code, tables and plain text by their extensions', async () => {
    const shapeOf = async (name: string) => (await extractText(name, Buffer.from('x'))).shape;
    expect(await shapeOf('a.ts')).toBe('code');
    expect(await shapeOf('a.CSV')).toBe('lines');
    expect(await shapeOf('a.jsonl')).toBe('lines');
    expect(await shapeOf('LICENSE')).toBe('paragraphs');
  });

  it('reads UTF-16 with a byte order mark, and drops that of UTF-8', async () => {
    for (const bytes of [utf16be('größe'), Buffer.from('\uFEFFgröße', 'utf16le'), Buffer.from('\uFEFFgröße')]) {
      expect((await extractText('x.txt', bytes)).text).toBe('größe');
    }
  });

  it.each([
    ['latin1.txt', Buffer.from(`${secret} größe`, 'latin1'), 'document-encoding'],
    ['zeros.txt', Buffer.from(`${secret}\0`), 'document-binary'],
    ['blank.md', Buffer.from(' \n\t\n'), 'document-empty'],
    ['nothing.txt', Buffer.from(''), 'document-empty'],
    ['scan.pdf', pdf(''), 'document-empty'],
    ['broken.pdf', Buffer.from(`%PDF-1.4 ${secret}`), 'document-unreadable'],
    ['locked.pdf', pdf(secret, { encrypted: true }), 'document-encrypted'],
    ['broken.docx', Buffer.from(`PK ${secret}`), 'document-unreadable'],
    ['locked.docx', Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), Buffer.from(secret)]), 'document-encrypted'],
    ['book.xlsx', Buffer.from(`PK ${secret}`), 'document-format'],
    ['letter.doc', Buffer.from(secret), 'document-format'],
    ['named', Buffer.from(`{\\rtf1 ${secret}}`), 'document-format'],
    [
      'renamed.docx',
      Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), Buffer.from(`${secret} WordDocument`, 'utf16le')]),
      'document-format',
    ],
    ['declared.html', Buffer.from(`<meta charset=utf-8>${secret} gr\xf6\xdfe`, 'latin1'), 'document-encoding'],
    ['unknown.html', Buffer.from(`<meta charset=klingon>${secret}`), 'document-encoding'],
    ['deep.html', Buffer.from(`${'<div>'.repeat(3000)}${secret}`), 'document-unreadable'],
    ['large.txt', Buffer.alloc(33 << 20, 'a'), 'document-huge'],
  ])('reports %s without quoting it', async (name, bytes, code) => {
    const error = await extractText(name, bytes).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringContaining(name) });
    expect(String(error)).not.toContain(secret);
  });
});
