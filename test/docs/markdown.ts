import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

/** Every page that is written for users, by its path in the repository. */
export const pages: readonly string[] = [
  'README.md',
  'bench/README.md',
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Where it is, for messages: `docs/kafka.md:12`. */
  readonly at: string;
}

/** The fenced blocks of a page, indented ones too. */
export function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', body = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { language, text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), at: `${page}:${line}` };
  });
}

export const withoutBlocks = (text: string): string => text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '');

export interface Link {
  readonly text: string;
  readonly target: string;
}

/** Links to places in the repository. */
export const linksOf = (page: string): Link[] =>
  [...withoutBlocks(read(page)).matchAll(/(?<!!)\[([^\]]+)\]\(([^)\s]+)\)/g)]
    .map(([, text = '', target = '']) => ({ text, target }))
    .filter(({ target }) => !/^\w+:/.test(target));

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    const plain = heading.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}
