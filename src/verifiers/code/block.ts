import { languageName } from '../sandbox/toolchains.js';

export interface CodeBlock {
  /** `languageName` of the fence's label. Empty if it has none. */
  readonly language: string;
  readonly code: string;
}

/**
 * The fenced code blocks of a completion, in order. As in Markdown, a block that is never closed runs to the end, and
 * an indented one, as in a list, loses the indentation of its fence.
 */
export function codeBlocks(completion: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { indent: number; fence: string; language: string; lines: string[] } | undefined;
  for (const line of completion.split(/\r?\n/)) {
    const [, indent = '', fence, label = ''] = /^([ \t]*)(`{3,}|~{3,})\s*([^\s`{]*)[^`]*$/.exec(line) ?? [];
    if (!open) {
      if (fence) open = { indent: indent.length, fence, language: languageName(label), lines: [] };
    } else if (fence && line.trim() === fence && fence.startsWith(open.fence)) {
      blocks.push({ language: open.language, code: open.lines.join('\n') });
      open = undefined;
    } else {
      const blanks = line.length - line.trimStart().length;
      open.lines.push(line.slice(Math.min(open.indent, blanks)));
    }
  }
  if (open) blocks.push({ language: open.language, code: open.lines.join('\n') });
  return blocks;
}

/**
 * The last (or first) block labelled with one of the languages, or else the last (or first) without a label: a
 * program's output or command line often follows it, unlabelled. JavaScript counts as TypeScript.
 */
export const pickBlock = (completion: string, languages: readonly string[], which: 'last' | 'first' = 'last') =>
  pickFrom(codeBlocks(completion), languages, which);

/** As `pickBlock`, from blocks that were read already. */
export function pickFrom(
  blocks: readonly CodeBlock[],
  languages: readonly string[],
  which: 'last' | 'first' = 'last',
): CodeBlock | undefined {
  const written = blocks.filter(({ code }) => code.trim() !== '');
  const fits = (language: string) =>
    languages.includes(language) || (language === 'javascript' && languages.includes('typescript'));
  const labelled = written
    .filter(({ language }) => fits(language))
    .map((block) => (languages.includes(block.language) ? block : { ...block, language: 'typescript' }));
  const suitable = labelled.length > 0 ? labelled : written.filter(({ language }) => language === '');
  return which === 'last' ? suitable.at(-1) : suitable[0];
}
