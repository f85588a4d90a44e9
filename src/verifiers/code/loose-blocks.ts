import { languageName } from '../sandbox/toolchains.js';
import type { CodeBlock } from './block.js';

const QUOTE = /^(?:[ \t]{0,3}>[ \t]?)+/;
const OPENING = /^([ \t]*)(`{3,}|~{3,})[ \t]*([^\s`{[]*)(.*)$/;
/** What Markdown dialects write behind a label: `{.numberLines}`, `title=x`. */
const ATTRIBUTES = /^\s*(?:\{[.#][^}]*\}|[\w-]+=(?:"[^"]*"|\S+))?\s*$/;

interface Open {
  readonly fence: string;
  readonly language: string;
  readonly quoted: boolean;
  readonly indent: number;
  readonly lines: string[];
}

/**
 * The fenced blocks of a completion, in order, for languages in which three backticks occur inside double quotes only.
 * On top of what Markdown allows, a block may be quoted (`> `), start on the line of its opening fence, end on the line
 * of its last words, and be followed by prose on the line of its closing fence.
 */
export function looseBlocks(completion: string, languages: readonly string[]): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: Open | undefined;
  for (const line of completion.split(/\r?\n/)) {
    if (!open) {
      const opened = opening(line, languages);
      if (!opened) continue;
      open = opened.block;
      if (opened.rest === '' || !addLine(open, opened.rest)) continue;
    } else if (!addLine(open, line)) continue;
    blocks.push(closed(open));
    // A label right behind the fence opens the next block, where this one was not closed.
    const [, label = ''] = /^\s*(?:`{3,}|~{3,})([\w+#-]+)\s*$/.exec(line) ?? [];
    open = languages.includes(languageName(label)) ? opening(line, languages)?.block : undefined;
  }
  return open ? [...blocks, closed(open)] : blocks;
}

const closed = ({ language, lines }: Open): CodeBlock => ({ language, code: lines.join('\n') });

function opening(line: string, languages: readonly string[]): { block: Open; rest: string } | undefined {
  const plain = line.replace(QUOTE, '');
  const [, indent, fence, label, rest] = OPENING.exec(plain) ?? [];
  if (indent === undefined || fence === undefined || label === undefined || rest === undefined) return undefined;
  const language = languageName(label);
  const named = languages.includes(language);
  const block = { fence, quoted: plain !== line, indent: indent.length, lines: [] };
  if (named) return { block: { ...block, language }, rest: ATTRIBUTES.test(rest) ? '' : rest };
  // Not a label but the first word, if the block ends on this line.
  if (fenceIn(label + rest, fence) >= 0) return { block: { ...block, language: '' }, rest: label + rest };
  return { block: { ...block, language }, rest: label === '' ? rest.trimStart() : '' };
}

/** Adds a line to a block. True if it closes the block. */
function addLine({ fence, quoted, indent, lines }: Open, line: string): boolean {
  const plain = quoted ? line.replace(QUOTE, '') : line;
  const blanks = plain.length - plain.trimStart().length;
  const text = plain.slice(Math.min(indent, blanks));
  const end = fenceIn(text, fence);
  const last = end < 0 ? text : text.slice(0, end);
  if (end < 0 || last.trim() !== '') lines.push(last);
  return end >= 0;
}

/** Index of the first fence outside double quotes, or -1. */
function fenceIn(text: string, fence: string): number {
  for (let from = text.indexOf(fence), quotes = 0, i = 0; from >= 0; from = text.indexOf(fence, from + 1)) {
    for (; i < from; i++) {
      if (text[i] === '\\') i++;
      else if (text[i] === '"') quotes++;
    }
    if (quotes % 2 === 0) return from;
  }
  return -1;
}
