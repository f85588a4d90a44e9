import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' }).map((file) => `test/${file}`);
const scripts = readdirSync(`${root}scripts`).map((file) => `scripts/${file}`);

describe('a test path that a script names', () => {
  // Vitest runs the files that match some of its filters and says nothing of a filter that matches none.
  it.each(['.ci/run', 'package.json', 'README.md', ...scripts])('exists: %s', (file) => {
    const named = readFileSync(`${root}${file}`, 'utf8').match(/(?<![\w/.])test\/[\w./-]*[\w-]/g) ?? [];
    const missing = [...new Set(named)].filter((path) => !tests.some((test) => test.startsWith(path)));
    expect(missing).toEqual([]);
  });
});
