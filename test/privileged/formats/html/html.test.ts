import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { htmlContent } from '../../../../src/privileged/formats/html/html.js';

const textOf = (html: string): string => htmlContent('a.html', html).text;

describe('htmlContent', () => {
  it.each([
    ['scripts', '<p>10<sup>6</sup> and x<sub>1</sub></p>', '10^6 and x_1'],
    ['scripts before a letter', 'H<sub>2</sub>O, x<sup>2</sup>y', 'H_{2}O, x^{2}y'],
    ['scripts of several terms', 'x<sup>n + 1</sup>', 'x^{n + 1}'],
    ['a script after a script', 'x<sub>i</sub><sup>-2</sup>.', 'x_i^-2.'],
    ['footnote marks', 'so<sup><a href="#n1">[1]</a></sup>', 'so[1]'],
    ['deletions', '<p><del>old</del><ins>new</ins> <s>$5</s> $4</p>', 'new $4'],
    ['a summary', '<details><summary>Sum</summary>Detail</details>', 'Sum\nDetail'],
    ['an address', '<address>Street 1</address>next', 'Street 1\nnext'],
    ['a figure', '<figure><img alt="A pump"><figcaption>Fig. 1</figcaption></figure>', '[image: A pump]\nFig. 1'],
    ['a definition list', '<dl><dt>Term<dd>One<dd>Two</dl>', 'Term\n: One\n: Two'],
    ['options', '<select><option>A<option>B</select>', 'A\nB'],
    ['buttons', '<button>OK</button><button>No</button>', 'OK No'],
    ['line breaks', 'a<br>b<wbr>c<hr>d', 'a\nbc\n\nd'],
    ['entities', '&lt;a&gt; &eacute;&nbsp;&#8364;', '<a> é €'],
    ['soft hyphens', 'Do&shy;nau', 'Donau'],
    ['ruby', '<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>', '漢(kan)'],
    ['quotations', '<q>a</q><blockquote>b<p>c</blockquote>', '"a"\n\n> b\n>\n> c'],
    ['code', 'x<pre>\n a\n\n  b\n</pre>y', 'x\n\n```\n a\n\n  b\n```\n\ny'],
    ['checkboxes', '<input type=checkbox checked>a<input type=checkbox>b', '[x] a [ ] b'],
    ['links', '<a href="http://x/y">z</a> <a href="#a">b</a> <a href="mailto:a@b">a@b</a>', 'z (http://x/y) b a@b'],
    ['links without text', '<a href="http://x" aria-label="Home"><svg></svg></a>', 'Home (http://x)'],
  ])('keeps the meaning of %s', (_, html, text) => {
    expect(textOf(html)).toBe(text);
  });

  it.each([
    ['numbers', '<ol><li>a<li>b</ol>', '1. a\n2. b'],
    ['a start and values', '<ol start=3><li>a<li value=7>b<li>c</ol>', '3. a\n7. b\n8. c'],
    ['reversed numbers', '<ol reversed><li>a<li>b</ol>', '2. a\n1. b'],
    ['letters', `<ol type=A start=26><li>a<li>b</ol>`, 'Z. a\nAA. b'],
    ['Roman numbers', '<ol type=i start=9><li>a<li>b</ol>', 'ix. a\nx. b'],
    ['nested lists', '<ul><li>a<ol><li>b<p>c</ol><li>d</ul>', '- a\n  1. b\n\n     c\n\n- d'],
    ['a list right in a list', '<ul><ul><li>a</ul></ul>', '  - a'],
  ])('lists items with %s', (_, html, text) => {
    expect(textOf(html)).toBe(text);
  });

  it.each(['hidden', 'style="color:red;display : none"', 'style="visibility:hidden"', 'aria-hidden=true'])(
    'leaves out elements with %s',
    (attribute) => {
      expect(textOf(`a <span ${attribute}>HIDDEN</span>b`)).toBe('a b');
      expect(textOf(`<table><tr ${attribute}><td>HIDDEN<tr><td>a</table>`)).toBe('a');
    },
  );

  it('leaves out scripts, styles, templates and what a browser shows in other forms', () => {
    const names = ['script', 'style', 'template', 'noscript', 'iframe', 'video', 'dialog'];
    expect(textOf(`${names.map((name) => `<${name}>HIDDEN</${name}>`).join('')}<dialog open>a</dialog>`)).toBe('a');
  });

  it.each([
    ['spans of rows', '<tr><td rowspan=2>a<td>b<tr><td>c', 'a | b\na | c'],
    ['spans of columns', '<tr><th colspan=2>a<th>b<tr><td>1<td>2<td>3', 'a | a | b\n1 | 2 | 3'],
    ['a title over all columns', '<tr><td colspan=1000000>Bolts<tr><td>M4<td>5', 'Bolts\nM4 | 5'],
    ['rows beyond the table', '<tr><td rowspan=20000>a<td>b', 'a | b'],
    ['rows to the end', '<tr><td rowspan=0>a<td>b<tr><td>c<tr><td>d', 'a | b\na | c\na | d'],
    ['a caption', '<caption>Sizes</caption><tr><td>a', 'Sizes\na'],
    ['several lines in a cell', '<tr><td>a<br>b<td><p>c<p>d', 'a; b | c; d'],
    ['empty cells', '<tr><td>a<td><td>b<td><tr><td><td>', 'a |  | b'],
    ['a head and a foot', '<thead><tr><th>a</thead><tbody><tr><td>b</tbody><tfoot><tr><td>c', 'a\nb\nc'],
    ['a table that lays out a page', '<tr><td>a<table><tr><td>b<td>c</table><td>d', 'a\n\nb | c\n\nd'],
  ])('writes tables with %s', (_, rows, text) => {
    expect(textOf(`<table>${rows}</table>`)).toBe(text);
  });

  it.each([
    ['(a + b)/2', '<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>'],
    ['x_i^2', '<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>'],
    ['√(2)', '<msqrt><mn>2</mn></msqrt>'],
    ['2 x', '<mn>2</mn><mo>&#x2062;</mo><mi>x</mi>'],
    [
      '\\frac{a}{b}',
      '<semantics><mi>a</mi><annotation encoding="application/x-tex">\\frac{a}{b}</annotation></semantics>',
    ],
  ])('writes the formula %s in one line', (text, math) => {
    expect(textOf(`so <math>${math}</math> holds`)).toBe(`so ${text} holds`);
  });

  it('takes the title of the head, else of the first visible heading', () => {
    const title = (html: string) => htmlContent('a.html', html).title;
    expect(title('<svg><title>Icon</title></svg><title> Doc\n Title </title><h1>H</h1>')).toBe('Doc Title');
    expect(title('<title> </title><h1 hidden>No</h1><h2>The <b>part</b></h2>')).toBe('The part');
    expect(title('<p>text')).toBeUndefined();
  });

  it('reads elements up to 512 deep', () => {
    for (const name of ['div', 'b', 'a', 'sup', 'ul', 'blockquote', 'table'])
      expect(() => textOf(`${`<${name}>`.repeat(600)}x`), name).toThrow(/nested more than 512 deep/);
    for (const name of ['div', 'b', 'sup', 'blockquote'])
      expect(textOf(`${`<${name}>`.repeat(500)}x`), name).toContain('x');
  });

  it('gives a text, or an error with a code, for any markup', () => {
    const names = 'a b p ul ol li table tr td th caption sup sub pre dl dd math mfrac svg q del br'.split(' ');
    const piece = fc.oneof(
      fc.constantFrom(...names).map((name) => `<${name}>`),
      fc.constantFrom(...names).map((name) => `</${name}>`),
      fc
        .record({ name: fc.constantFrom('td', 'ol', 'li'), value: fc.integer() })
        .map(({ name, value }) => `<${name} colspan=${value} rowspan=${value} start=${value} value=${value}>`),
      fc.string({ maxLength: 8, unit: fc.constantFrom('x', ' ', '\n', '<', '&', '&#0;', '"', '\u00AD', '2') }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = textOf(pieces.join(''));
        expect(text.length).toBeLessThan(20_000);
      }),
      { numRuns: 300 },
    );
  });
});
