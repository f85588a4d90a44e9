type Rule = readonly [pattern: RegExp, replacement: string];

const RULES: readonly Rule[] = [
  // A quoted line of words; `> 5` is a relation.
  [/^[ \t]*>[ \t]?(?=[A-Za-z#]|\*\*)/gm, ''],
  [/^[ \t]*[•▪◦‣][ \t]+/gm, ''],
  // Comments.
  [/<!--[\s\S]*?-->|\\begin\s*\{comment\}[\s\S]*?\\end\s*\{comment\}|^[ \t]*%[^\n]*$/gm, ' '],
  // Struck out: taken back by the writer.
  [/~~[^~\n]*~~|<(del|strike)\b[^>]*>[\s\S]*?<\/\1>/gi, ' '],
  [/<sup>\s*([^<]*)<\/sup>/gi, '^{$1}'],
  [/<sub>\s*([^<]*)<\/sub>/gi, '_{$1}'],
  [/<br\s*\/?>|<\/(?:p|div|li|h\d)>/gi, '\n'],
  [/<\/?(?:b|i|u|em|strong|code|kbd|mark|span|font|div|p|center|big|small|li|ul|ol|h\d)(?:\s[^<>]*)?>/gi, ''],
  [/&nbsp;/g, ' '],
  [/&lt;/g, '<'],
  [/&gt;/g, '>'],
  [/&le;/g, '≤'],
  [/&ge;/g, '≥'],
  [/&ne;/g, '≠'],
  [/&minus;/g, '-'],
  [/&times;/g, '×'],
  [/&amp;/g, '&'],
  // Emphasis, unless it is a power such as 2**10.
  [/(?<![\w)\]}*\\])\*\*(?=[^\s*])([^*\n]*?[^\s*])\*\*(?![\w(*])/g, '$1'],
  [/(?<![\w\\}])__(?=[^\s_])([^_\n]*?[^\s_])__(?!\w)/g, '$1'],
  [/```[a-z]*\n?|(?<!`)`(?=[^`\n]+`)|(?<=[^\s`])`(?!`)/g, ''],
];

const MARKED = /[~<&*_`>%•▪◦‣]|\\begin\s*\{comment/;

/** Removes Markdown and HTML around the words of a completion, and what is struck out. */
export const withoutMarkup = (text: string): string =>
  MARKED.test(text) ? RULES.reduce((plain, [pattern, by]) => plain.replace(pattern, by), text) : text;
