import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { learnOf, rolloutOf, stepsOf } from '../../src/pipelines/spec/sections.js';
import { blocksOf, read, root } from './markdown.js';

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

  it('prints the figures of npm start that follow from its pipeline', () => {
    const { spec } = readSpec(join(root, 'examples/arithmetic.yaml'));
    const { group } = rolloutOf(spec);
    const [steps, prompts] = [stepsOf(spec), stepsOf(spec) * learnOf(spec).prompts];
    const measured = Array.from({ length: steps + 1 }, (_, n) => n).filter((n) => n % spec.evaluate.every === 0);
    const [, printed = ''] = /```\n(arithmetic-…: [\s\S]*?)```/.exec(read('README.md')) ?? [];
    const counts = Object.fromEntries(
      [...printed.matchAll(/^([a-z-]+) +(\d+)$/gm)].map(([, topic, n]) => [topic, Number(n)]),
    );
    const samples = prompts * group;
    expect(counts).toEqual({
      ...{ references: prompts, privileged: prompts, prompts, rollouts: samples, verdicts: samples },
      ...{ 'teacher-scores': samples, advantages: samples, weights: steps + 1 },
      // One of the learner and one of the leak meters per step.
      metrics: 2 * steps + measured.length,
      evaluations: measured.length * Number(spec.prompts?.heldOut),
      'dead-letters': 0,
    });
    for (const [, correct, n, percent] of printed.matchAll(/(\d+) of (\d+) correct, ([\d.]+) %/g))
      expect(((100 * Number(correct)) / Number(n)).toFixed(1)).toBe(percent);
    expect(printed).toContain(`of ${prompts} groups`);
    expect(printed).toContain(`of ${samples} samples`);
    expect(printed).toContain(`${steps} steps in runs/arithmetic-1`);
  });
});
