import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { read, root } from './markdown.js';

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: readonly string[] };
}
const { forbidden } = createRequire(import.meta.url)(`${root}.dependency-cruiser.cjs`) as {
  readonly forbidden: readonly Rule[];
};

/** What a layer may import besides itself and `support`, as the linter enforces it. */
const enforced = new Map(
  forbidden
    .filter(({ name }) => name.endsWith('-imports'))
    .map(({ name, to }) => {
      const layer = name.replace('-imports', '');
      const allowed = /\(([\w|]+)\)/.exec(to.pathNot?.[0] ?? '')?.[1]?.split('|') ?? [];
      return [layer, allowed.filter((other) => other !== layer && other !== 'support').sort()];
    }),
);

const section = read('docs/architecture.md').split('\n## Layers\n')[1]?.split('\n## ')[0] ?? '';
const rows = [...section.matchAll(/^\| `(\w+)` \| (.*) \| ([^|]+) \|$/gm)].map(
  ([, layer = '', contains = '', allowed = '']) => ({ layer, contains, allowed }),
);
const foldersIn = (path: string): string[] =>
  readdirSync(`${root}${path}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

it('the table of layers in docs/architecture.md says what the linter enforces', () => {
  const stated = rows.map(({ layer, allowed }, at) => {
    if (allowed === 'nothing') return [layer, []];
    const above = rows.slice(0, at).map((row) => row.layer);
    const named = allowed === 'all of the above' ? above.filter((name) => name !== 'support') : allowed.split(', ');
    return [layer, [...named].sort()];
  });
  expect(stated).toEqual([...enforced]);
});

it('the table of layers names every folder of src, and each folder within a layer', () => {
  expect(rows.map(({ layer }) => layer).sort()).toEqual(foldersIn('src'));
  for (const { layer, contains } of rows) {
    const named = [...contains.matchAll(/`([\w-]+)\/`/g)].map(([, folder]) => folder);
    expect(named.sort(), layer).toEqual(foldersIn(`src/${layer}`));
  }
});
