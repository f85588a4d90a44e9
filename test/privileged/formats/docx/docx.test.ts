import { describe, expect, it } from 'vitest';
import { docxContent } from '../../../../src/privileged/formats/docx/docx.js';
import { docxOf, wordPart, zip } from '../../sources/fixtures.js';

const run = (text: string, properties = ''): string =>
  `<w:r><w:rPr>${properties}</w:rPr><w:t xml:space="preserve">${text}</w:t></w:r>`;
const p = (...content: string[]): string => `<w:p>${content.join('')}</w:p>`;
const read = (body: string, parts: Record<string, string> = {}) => docxContent('a.docx', docxOf(body, parts));
const textOf = async (body: string, parts: Record<string, string> = {}) => (await read(body, parts)).text;
const m = (name: string, ...content: string[]): string => `<m:${name}>${content.join('')}</m:${name}>`;
const t = (text: string): string => m('r', m('t', text));

describe('docxContent', () => {
  it('keeps the results of simple and complex fields', async () => {
    const field = (type: string) => `<w:r><w:fldChar w:fldCharType="${type}"/></w:r>`;
    const complex = `${field('begin')}<w:r><w:instrText>PAGE</w:instrText></w:r>${field('separate')}${run('7')}${field('end')}`;
    expect(
      await textOf(p(run('on '), `<w:fldSimple w:instr="DATE">${run('May 1')}</w:fldSimple>`, run(', p. '), complex)),
    ).toBe('on May 1, p. 7');
  });

  it.each([
    ['x^2', m('sSup', m('e', t('x')), m('sup', t('2')))],
    ['x_i^2', m('sSubSup', m('e', t('x')), m('sub', t('i')), m('sup', t('2')))],
    ['(a + b)/2', m('f', m('num', t('a + b')), m('den', t('2')))],
    ['√(2)', m('rad', m('radPr', '<m:degHide m:val="1"/>'), m('deg'), m('e', t('2')))],
    ['∑_{i=1}^n i', m('nary', m('naryPr', '<m:chr m:val="∑"/>'), m('sub', t('i=1')), m('sup', t('n')), m('e', t('i')))],
    ['[1, 2; 3, 4]', m('m', m('mr', m('e', t('1')), m('e', t('2'))), m('mr', m('e', t('3')), m('e', t('4'))))],
    ['sin x', m('func', m('fName', t('sin')), m('e', t('x')))],
    ['|x|', m('d', m('dPr', '<m:begChr m:val="|"/><m:endChr m:val="|"/>'), m('e', t('x')))],
  ])('writes the formula %s in one line', async (text, formula) => {
    expect(await textOf(p(run('so '), m('oMath', formula), run(' holds')))).toBe(`so ${text} holds`);
    expect(await textOf(p(m('oMathPara', m('oMath', formula))))).toBe(text);
  });

  it('leaves out hidden text, by run, style, paragraph style and row', async () => {
    const styles = wordPart(
      'styles',
      '<w:style w:type="character" w:styleId="Base"><w:rPr><w:vanish/></w:rPr></w:style>' +
        '<w:style w:type="character" w:styleId="Derived"><w:basedOn w:val="Base"/></w:style>' +
        '<w:style w:type="character" w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style>' +
        '<w:style w:type="paragraph" w:styleId="Note"><w:name w:val="Note"/><w:rPr><w:vanish/></w:rPr></w:style>',
    );
    const row = (text: string, properties = ''): string =>
      `<w:tr><w:trPr>${properties}</w:trPr><w:tc>${p(run(text))}</w:tc></w:tr>`;
    const body = [
      p(run('HIDDEN', '<w:vanish/>'), run('a', '<w:vanish w:val="false"/>')),
      p(run('HIDDEN', '<w:rStyle w:val="Derived"/>'), run('b', '<w:rStyle w:val="Loop"/>')),
      p('<w:pPr><w:pStyle w:val="Note"/></w:pPr>', run('HIDDEN'), run('c', '<w:vanish w:val="0"/>')),
      `<w:tbl>${row('HIDDEN', '<w:hidden/>')}${row('d')}</w:tbl>`,
    ];
    expect(await textOf(body.join(''), { 'word/styles.xml': styles })).toBe('a\n\nb\n\nc\n\nd');
  });

  it('leaves out tracked and struck deletions, keeps insertions, and marks scripts', async () => {
    const deleted = '<w:del><w:r><w:delText>OLD</w:delText></w:r></w:del>';
    const inserted = `<w:ins>${run('new')}</w:ins>`;
    const scripts = run('x') + run('2', '<w:vertAlign w:val="superscript"/>');
    expect(await textOf(p(deleted, inserted, run(' '), run('OLD', '<w:strike/>'), scripts))).toBe('new x^2');
  });

  it('reads footnotes, and comments, headers and footers only where they are asked for', async () => {
    const parts = {
      'word/footnotes.xml': wordPart('footnotes', `<w:footnote w:id="2">${p(run('see there'))}</w:footnote>`),
      'word/comments.xml': wordPart('comments', `<w:comment w:id="0">${p(run('why?'))}</w:comment>`),
      'word/header1.xml': wordPart('hdr', p(run('Secret'), `<w:hyperlink r:id="r9">${run(' draft')}</w:hyperlink>`)),
      'word/header2.xml': wordPart('hdr', p(run('Secret draft'))),
      'word/footer1.xml': wordPart('ftr', p(run('Page'))),
    };
    const body = p(
      run('text'),
      '<w:r><w:footnoteReference w:id="2"/></w:r>',
      '<w:r><w:commentReference w:id="0"/></w:r>',
    );
    expect(await textOf(body, parts)).toBe('text[1]\n\n1. see there');
    const whole = await docxContent('a.docx', docxOf(body, parts), ['comments', 'headers']);
    expect(whole.text.match(/Secret draft/g)).toHaveLength(1);
    expect(whole.text).toMatch(/^Secret draft\n\ntext.*Page.*see there.*why\?/s);
  });

  it('takes the title from the properties, else from the first heading', async () => {
    const core = '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Pump\nManual</dc:title></cp:coreProperties>';
    expect((await read(p(run('x')), { 'docProps/core.xml': core })).title).toBe('Pump Manual');
    expect((await read(p(run('x')))).title).toBeUndefined();
  });

  it('reads text of an alternative without a fallback, and reports charts and embedded objects', async () => {
    const choice = `<mc:AlternateContent><mc:Choice>${run('kept')}</mc:Choice></mc:AlternateContent>`;
    const chart =
      '<w:r><w:drawing><a:graphic xmlns:a="a"><a:graphicData uri="http://x/2006/chart"/></a:graphic></w:drawing></w:r>';
    const content = await read(p(choice, chart, chart));
    expect(content.text).toBe('kept');
    expect(content.omitted).toEqual(['2 charts']);
  });

  it('reads documents with other prefixes and in the strict form', async () => {
    const strict = 'http://purl.oclc.org/ooxml/wordprocessingml/main';
    const document = `<n:document xmlns:n="${strict}"><n:body><n:p><n:fldSimple n:instr="X"><n:r><n:t>kept</n:t></n:r></n:fldSimple><n:r><n:rPr><n:vanish/></n:rPr><n:t>HIDDEN</n:t></n:r></n:p></n:body></n:document>`;
    expect(await textOf('', { 'word/document.xml': document })).toBe('kept');
  });

  it('refuses archives that unpack to too much, and depth, without quoting the document', async () => {
    const deep = `${'<w:ins>'.repeat(600)}MARKER${'</w:ins>'.repeat(600)}`;
    await expect(read(p(deep))).rejects.toMatchObject({
      code: 'document-unreadable',
      message: expect.stringContaining('512'),
    });
    const bomb = zip({ 'word/document.xml': ' ' });
    // The size in its directory.
    bomb.writeUInt32LE(257 << 20, bomb.indexOf('PK\x01\x02') + 24);
    await expect(docxContent('a.docx', bomb)).rejects.toMatchObject({ code: 'document-huge' });
    await expect(docxContent('a.docx', Buffer.from('PK MARKER'))).rejects.toMatchObject({
      message: expect.not.stringContaining('MARKER'),
    });
  });
});
