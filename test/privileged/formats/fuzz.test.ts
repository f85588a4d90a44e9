import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { documentReader } from '../../../src/privileged/reading/reader.js';
import { UserError } from '../../../src/support/errors.js';
import { docx, docxOf, pdf } from '../sources/fixtures.js';

/** Set FUZZ_RUNS to search longer. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 60);

const MARKER = 'MARKER';
const page = `<!doctype html><meta charset=utf-8><title>T</title><h1>H</h1><p>x<sup>2</sup> <a href="http://x">l</a>
<table><caption>C<tr><td rowspan=2 colspan=3>a<td>b<tr><td>c</table><ol start=3 type=i><li value=5>a<ul><li>b</ul></ol>
<dl><dt>t<dd>d</dl><pre>
 p
</pre><math><mfrac><mi>a</mi><mi>b</mi></mfrac></math><ruby>a<rt>b</ruby><del>d</del>${MARKER}`;
const body = `<w:p><w:fldSimple w:instr="X"><w:r><w:t>f</w:t></w:r></w:fldSimple><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>
<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/><w:vMerge/></w:tcPr><w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>h</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:r><w:t>${MARKER}</w:t></w:r></w:p>`;

const texts: readonly (readonly [name: string, text: string])[] = [
  ['a.html', page],
  ['a.md', `---\ntitle: T\n---\n# H\n\`\`\`\n# c\n\`\`\`\n${MARKER}\n===\n`],
  ['a.csv', `a,b\n"x ""y""",${MARKER}\n`],
  ['a.json', `{"a":[1,{"b":"${MARKER}"}]}`],
];
const seeds: readonly (readonly [name: string, bytes: Buffer])[] = [
  ...texts.map(([name, text]) => [name, Buffer.from(text)] as const),
  ['utf16.html', Buffer.from(`\uFEFF${page}`, 'utf16le')],
  ['a.docx', docx('H', [MARKER])],
  ['a.pdf', pdf(MARKER)],
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat({ max: 40 }),
  copies: fc.nat({ max: 40 }),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.constantFrom('<', '</', '="999999999"', '\0', '"', ']]>', '9').map(Buffer.from),
  ),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** Cuts a piece out, puts others in, and repeats it. */
function edited(bytes: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce((before, { at, length, copies, insert }) => {
    const start = Math.floor(at * before.length);
    const piece = before.subarray(start, start + length);
    return Buffer.concat([
      before.subarray(0, start),
      insert,
      ...Array<Buffer>(copies).fill(piece),
      before.subarray(start + length),
    ]);
  }, bytes);
}

describe('any document', () => {
  const reader = documentReader({ seconds: 10, memory: 512 });
  afterAll(() => reader.close());
  const outcome = async (name: string, bytes: Buffer): Promise<void> => {
    const result = await reader.read(name, bytes, ['comments', 'headers']).catch((error: unknown) => error);
    if (result instanceof Error) {
      expect(result).toBeInstanceOf(UserError);
      expect(result).toMatchObject({
        code: expect.stringMatching(/^document-/),
        message: expect.stringContaining(name),
      });
      expect(result.message).not.toContain(MARKER);
    } else expect(result).toMatchObject({ text: expect.any(String), title: expect.any(String) });
  };

  it('gives a text, or an error that names it and does not quote it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        ([name, bytes], edits) => outcome(name, edited(bytes, edits)),
      ),
      { numRuns: RUNS },
    );
  });

  it('does so for a sound archive with damaged XML', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) =>
        outcome('a.docx', docxOf(edited(Buffer.from(body), edits).toString('latin1'))),
      ),
      { numRuns: RUNS },
    );
  });
});
