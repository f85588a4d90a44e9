import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, linksOf, pages, root } from './markdown.js';

const place = (page: string, path: string): string => join(root, path === '' ? page : join(dirname(page), path));
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** What is wrong with a link. */
function broken(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = place(page, path);
  if (!existsSync(file)) return `${target}: no such file`;
  if (anchor === undefined) return undefined;
  const anchors = isFile(file) ? anchorsOf(readFileSync(file, 'utf8')) : [];
  return anchors.includes(anchor) ? undefined : `${target}: no such heading; there are ${anchors.join(', ')}`;
}

/** Whether a source file declares a name at its top level. */
const declares = (file: string, name: string): boolean =>
  new RegExp(
    `^(export )?(default )?(async )?(function\\*?|const|interface|type|class) ${name.replace('$', '\\$')}\\b`,
    'm',
  ).test(readFileSync(file, 'utf8'));

describe('links', () => {
  it.each(pages)('%s: resolve', (page) => {
    expect(linksOf(page).flatMap(({ target }) => broken(page, target) ?? [])).toEqual([]);
  });

  it.each(pages)('%s: a linked name is declared in the file behind it', (page) => {
    const named = linksOf(page).filter(({ text, target }) => /^`[\w$]+`$/.test(text) && /\.m?[tj]s$/.test(target));
    const missing = named.filter(({ text, target }) => !declares(place(page, target), text.slice(1, -1)));
    expect(missing).toEqual([]);
  });

  it('find a missing file and a missing heading', () => {
    expect(broken('README.md', 'docs/none.md')).toMatch('no such file');
    expect(broken('docs/kafka.md', '#none')).toMatch('no such heading');
    expect(declares(join(root, 'src/support/digest.ts'), 'seedOf')).toBe(true);
    expect(declares(join(root, 'src/support/digest.ts'), 'seedOff')).toBe(false);
  });
});
