import { languageName } from '../sandbox/toolchains.js';
import { isLanguage, literalReader } from './literals.js';

export interface CodeBlock {
  /** `languageName` of the fence's label. Empty if it has none. */
  readonly language: string;
  readonly code: string;
}

const OPENING = /^((?:[ \t]{0,3}>[ \t]?)*)([ \t]*)(`{3,}|~{3,})/;
const LABEL = /^[ \t]*\{?\.?([^\s`{}]*)/;
const QUOTE = /^(?:[ \t]{0,3}>[ \t]?)+/;

interface Opened {
  readonly quoted: boolean;
  readonly indent: number;
  readonly fence: string;
  readonly language: string;
}

/**
 * The fenced code blocks of a completion, in order. As in Markdown, a block that is never closed runs to the end, and
 * an indented one, as in a list, loses the indentation of its fence. A fence inside of a literal or comment of several
 * lines belongs to the code. A block may also be quoted (`> `), be on one line with its fences, and be closed at the
 * end of its last line.
 *
 * @param otherwise language of blocks without a label
 */
export function codeBlocks(completion: string, otherwise = ''): readonly CodeBlock[] {
  const lines = completion.split(/\r?\n/);
  const blocks: CodeBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const alone = oneLine(line.trim());
    if (alone) {
      blocks.push(alone);
      continue;
    }
    const [before = '', quote = '', indent = '', fence] = OPENING.exec(line) ?? [];
    const info = line.slice(before.length);
    if (fence === undefined || info.includes('`')) continue;
    const [, label = ''] = LABEL.exec(info) ?? [];
    const opened = { quoted: quote !== '', indent: indent.length, fence, language: languageName(label) };
    const { code, end } = readBlock(lines, at + 1, opened, opened.language || otherwise);
    blocks.push({ language: opened.language, code });
    at = end;
  }
  return blocks;
}

/** A whole block on one line. */
function oneLine(line: string): CodeBlock | undefined {
  const fence = /^`{3,}/.exec(line)?.[0] ?? '';
  const text = line.slice(fence.length, -fence.length || undefined);
  if (fence === '' || !line.endsWith(fence) || text.trim() === '' || text.includes('`')) return undefined;
  const [, label = '', rest = ''] = /^([\w+#-]+)\s+(\S.*)$/.exec(text) ?? [];
  const language = languageName(label);
  return isLanguage(language) ? { language, code: rest.trimEnd() } : { language: '', code: text.trim() };
}

/** The code from line `start` on, and the index of the line that closes it. */
function readBlock(lines: readonly string[], start: number, opened: Opened, language: string) {
  const all = read(lines, start, opened, literalReader(language));
  // A literal that never ends is a mistake in the code: then fences count wherever they are.
  return all.open ? read(lines, start, opened, () => false) : all;
}

function read(lines: readonly string[], start: number, opened: Opened, inLiteral: (line: string) => boolean) {
  const { quoted, indent, fence } = opened;
  const code: string[] = [];
  let open = false;
  for (let at = start; at < lines.length; at++) {
    const plain = quoted ? (lines[at] ?? '').replace(QUOTE, '') : (lines[at] ?? '');
    const word = plain.trim();
    if (!open && word.startsWith(fence) && word === (fence[0] ?? '').repeat(word.length)) {
      return { code: code.join('\n'), end: at, open: false };
    }
    const blanks = plain.length - plain.trimStart().length;
    const text = plain.slice(Math.min(indent, blanks));
    const last = open ? undefined : /^([^`]*[^`\s])`{3,}\s*$/.exec(text)?.[1];
    if (last !== undefined && fence.startsWith('`')) {
      return { code: [...code, last].join('\n'), end: at, open: false };
    }
    code.push(text);
    open = inLiteral(text);
  }
  return { code: code.join('\n'), end: lines.length, open };
}

export interface Choice {
  readonly which?: 'last' | 'first';
  /** How well a block's code suits the task; the best ones are chosen from. */
  readonly score?: (code: string) => number;
}

/**
 * The last (or first) block labelled with one of the languages, or else the last (or first) without a label: a
 * program's output or command line often follows it, unlabelled. JavaScript counts as TypeScript.
 */
export const pickBlock = (completion: string, languages: readonly string[], choice: Choice = {}) =>
  pickFrom(codeBlocks(completion, languages[0]), languages, choice);

/** As `pickBlock`, from blocks that were read already. */
export function pickFrom(
  blocks: readonly CodeBlock[],
  languages: readonly string[],
  { which = 'last', score = () => 0 }: Choice = {},
): CodeBlock | undefined {
  const written = blocks.filter(({ code }) => code.trim() !== '');
  const fits = (language: string) =>
    languages.includes(language) || (language === 'javascript' && languages.includes('typescript'));
  const labelled = written
    .filter(({ language }) => fits(language))
    .map((block) => (languages.includes(block.language) ? block : { ...block, language: 'typescript' }));
  const suitable = labelled.length > 0 ? labelled : written.filter(({ language }) => language === '');
  const best = Math.max(...suitable.map(({ code }) => score(code)));
  const chosen = suitable.filter(({ code }) => score(code) === best);
  return which === 'last' ? chosen.at(-1) : chosen[0];
}
