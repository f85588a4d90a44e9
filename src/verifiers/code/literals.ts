// Where a line of three backticks is not the end of a code block, but part of the code.

interface Literal {
  readonly start: RegExp;
  /** The text that ends it, given what the start matched. */
  readonly end: (start: RegExpExecArray) => string;
  readonly escapes?: boolean;
}

const fixed = (start: string, end: string, escapes = false): Literal => ({
  start: new RegExp(start.replace(/[*/"']/g, '\\$&'), 'y'),
  end: () => end,
  escapes,
});
const comment = fixed('/*', '*/');

/** Literals and comments of several lines, by language. */
const severalLines: Readonly<Record<string, readonly Literal[]>> = {
  python: [fixed('"""', '"""', true), fixed("'''", "'''", true)],
  java: [comment, fixed('"""', '"""', true)],
  'c++': [comment, { start: /R"([^\s()\\]{0,16})\(/y, end: ([, word = '']) => `)${word}"` }],
  rust: [comment, { start: /\br(#+)"/y, end: ([, marks = '']) => `"${marks}` }],
  c: [comment],
  go: [comment],
  javascript: [comment],
  typescript: [comment],
};

const skipped: Readonly<Record<string, RegExp>> = {
  python: /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|#.*/y,
  rust: /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)'|\/\/.*/y,
};
const others = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\/\/.*/y;

/** Whether a label, as `languageName` gives it, is that of a language with known literals. */
export const isLanguage = (name: string): boolean => Object.hasOwn(severalLines, name);

/** Reads code line by line. Returns whether a literal or a comment continues after the line. */
export function literalReader(language: string): (line: string) => boolean {
  const literals = isLanguage(language) ? (severalLines[language] ?? []) : [];
  const oneLine = new RegExp(skipped[language] ?? others);
  let open: { readonly end: string; readonly escapes: boolean } | undefined;
  return (line) => {
    for (let i = 0; i < line.length; ) {
      if (open) {
        if (open.escapes && line[i] === '\\') i += 2;
        else if (line.startsWith(open.end, i)) {
          i += open.end.length;
          open = undefined;
        } else i += 1;
        continue;
      }
      for (const { start, end, escapes = false } of literals) {
        start.lastIndex = i;
        const found = start.exec(line);
        if (!found) continue;
        open = { end: end(found), escapes };
        i += found[0].length;
        break;
      }
      if (open) continue;
      oneLine.lastIndex = i;
      i += oneLine.exec(line)?.[0].length ?? 1;
    }
    return open !== undefined;
  };
}
