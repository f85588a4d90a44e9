import { describe, expect, it } from 'vitest';
import { markdownTitle } from '../../../src/privileged/formats/titles.js';

describe('markdownTitle', () => {
  it.each([
    ['a heading', '# Real\n', 'Real'],
    ['a closing sequence', '## Real ##\n', 'Real'],
    ['a sign in the heading', '# C#\n', 'C#'],
    ['a heading after code', '```sh\n# no\n```\n~~~~\n# no\n```\n~~~~\n# Real', 'Real'],
    ['a heading after indented code', '    # no\n\n# Real', 'Real'],
    ['a heading after a comment', '<!-- # no\n# no\n-->\n# Real', 'Real'],
    ['a setext heading', 'Title Here\n==========\n\ntext', 'Title Here'],
    ['a setext heading of two lines', 'Title\nHere\n---\n', 'Title Here'],
    ['a setext heading below another text', 'text\n\nReal\n===', 'Real'],
    ['a heading below a rule', '- item\n---\n# Real', 'Real'],
    ['a heading below a table', '| a |\n---\n# Real', 'Real'],
    ['a heading in HTML', '<h1 align="center">Real</h1>\n', 'Real'],
    ['YAML front matter', '---\ntitle: "Real: one"\ntags: [a]\n---\n# Other', 'Real: one'],
    ['folded YAML', '---\ntitle: >\n  Real\n  one\n...\n# Other', 'Real one'],
    ['TOML front matter', "+++\ntitle = 'Real'\n[menu]\ntitle = 'no'\n+++\n# Other", 'Real'],
    ['front matter without a title', '---\ntags: a\n---\n# Real', 'Real'],
    ['front matter with a title that is no text', '---\ntitle: [a]\n---\n# Real', 'Real'],
    ['front matter whose title is not YAML', '---\ntitle: "a\n---\n# Real', 'Real'],
    ['a rule that begins no front matter', '---\n# Real', 'Real'],
  ])('finds %s', (_, text, title) => {
    expect(markdownTitle(text)).toBe(title);
  });

  it('finds none in a text without headings', () => {
    for (const text of ['', 'text', '#hash', '```\n# no', '# \n']) expect(markdownTitle(text)).toBeUndefined();
  });

  it('cuts long titles, and takes time in proportion to the text', () => {
    expect(markdownTitle(`# ${'x'.repeat(1000)}`)).toHaveLength(200);
    const hostile = ['#', '# #', '`', '=\n', 'a\n', ' ', '<h1 ', '---\n'].map((piece) => piece.repeat(200_000));
    for (const text of hostile) markdownTitle(`${text}x`);
    markdownTitle(`---\n${'a: &a [*a]\n'.repeat(3000)}---\n`);
    markdownTitle(`---\ntitle: ${'['.repeat(60_000)}\n---\n`);
    markdownTitle(`---\ntitle:${'\n '.repeat(60_000)}\n---\n`);
  });
});
