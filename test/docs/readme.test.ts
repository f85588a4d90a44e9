import { describe, expect, it } from 'vitest';
import { blocksOf, read } from './markdown.js';

const packageJson: unknown = JSON.parse(read('package.json'));
const block = (language: string, containing: string): string => {
  const found = blocksOf('README.md').find(
    ({ language: name, text }) => name === language && text.includes(containing),
  );
  if (!found) throw new Error(`README.md: no ${language} block with ${containing}`);
  return found.text;
};

/** System packages that `.ci/run` installs for the tests. */
const installed = (): string[] => {
  const script = read('.ci/run').split('packages() {')[1]?.split('\n}')[0] ?? '';
  const always = /for package in ([^;]+);/.exec(script)?.[1]?.split(' ') ?? [];
  return [...always, ...[...script.matchAll(/missing\+=\(([\w-]+)\)/g)].map(([, name = '']) => name)];
};

describe('README', () => {
  it('shows the pipeline file that npm start runs', () => {
    expect(packageJson).toMatchObject({ scripts: { start: 'node dist/cli/main.js run examples/arithmetic.yaml' } });
    expect(block('yaml', 'pipeline: arithmetic')).toBe(read('examples/arithmetic.yaml'));
  });

  it('shows a TypeScript snippet that the compiler has checked', () => {
    const checked = read('test/docs/readme.types.ts').split('// snippet\n')[1]?.split('    // end of snippet')[0];
    expect(`${block('ts', 'from(prompts)').replace(/;\n$/, '\n')}`).toBe(checked?.replaceAll(/^ {4}/gm, ''));
  });

  it('names the system packages that .ci/run installs', () => {
    const named = block('sh', 'apt-get install').trim().split(' ').slice(3);
    expect(named.length).toBeGreaterThan(5);
    expect(named).toEqual(installed());
  });
});
