import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' }).map((file) => `test/${file}`);
const scripts = readdirSync(`${root}scripts`, { recursive: true, withFileTypes: true, encoding: 'utf8' })
  .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
  .map(({ parentPath, name }) => relative(root, join(parentPath, name)));

describe('a test path that a script names', () => {
  // Vitest runs the files that match some of its filters and says nothing of a filter that matches none.
  it.each(['.ci/run', 'package.json', 'README.md', ...scripts])('exists: %s', (file) => {
    const named = readFileSync(`${root}${file}`, 'utf8').match(/(?<![\w/.])test\/[\w./-]*[\w-]/g) ?? [];
    const missing = [...new Set(named)].filter((path) => !tests.some((test) => test.startsWith(path)));
    expect(missing).toEqual([]);
  });
});

describe('a module that a script names', () => {
  const programs = ['scripts', 'bench'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.mjs'))
      .map((file) => `${folder}/${file}`),
  );

  it.each(programs)('has a source: %s', (file) => {
    const compiled = readFileSync(`${root}${file}`, 'utf8').match(/(?<=\/)dist\/[\w/.-]+\.js/g) ?? [];
    const sources = compiled.map((path) => path.replace('dist/', 'src/').replace(/\.js$/, '.ts'));
    expect(sources.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  });

  it('in the wrong direction exists, or the linter would find nothing to refuse', () => {
    const [, target = ''] = /from '\.\.\/([\w/]+)\.js'/.exec(readFileSync(`${root}.ci/run`, 'utf8')) ?? [];
    expect(existsSync(`${root}src/${target}.ts`), target).toBe(true);
  });
});
