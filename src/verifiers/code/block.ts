import { languageName } from '../sandbox/toolchains.js';

export interface CodeBlock {
  /** `languageName` of the fence's label; empty where it has none. */
  readonly language: string;
  readonly code: string;
}

/** The fenced code blocks of a completion, in order. A block that is never closed runs to the end, as in Markdown. */
export function codeBlocks(completion: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; language: string; lines: string[] } | undefined;
  for (const line of completion.split(/\r?\n/)) {
    const fence = /^ {0,3}(`{3,}|~{3,})\s*([^\s`{]*)[^`]*$/.exec(line);
    if (!open) {
      if (fence) open = { fence: fence[1] ?? '', language: languageName(fence[2] ?? ''), lines: [] };
    } else if (fence && fence[2] === '' && line.trim() === fence[1] && fence[1].startsWith(open.fence)) {
      blocks.push({ language: open.language, code: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open) blocks.push({ language: open.language, code: open.lines.join('\n') });
  return blocks;
}

/** The last (or first) block in one of the languages; a block without a label may be any of them. */
export function pickBlock(
  completion: string,
  languages: readonly string[],
  which: 'last' | 'first' = 'last',
): CodeBlock | undefined {
  const suitable = codeBlocks(completion).filter(
    (block) => block.code.trim() !== '' && (block.language === '' || languages.includes(block.language)),
  );
  return which === 'last' ? suitable.at(-1) : suitable[0];
}
