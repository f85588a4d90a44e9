import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../src/pipelines/plan/check.js';
import { loadPlan } from '../../src/pipelines/plan/load-method.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { checkSupervision } from '../../src/supervise/supervise.js';
import { read, root } from './markdown.js';

const pipelines = readdirSync(`${root}examples`).filter((file) => file.endsWith('.yaml'));
const bases = readdirSync(`${root}examples/bases`).filter((file) => file.endsWith('.yaml'));
const modules = ['methods', 'losses', 'verifiers', 'engines', 'topics', 'transforms', 'prompts'];

describe('examples', () => {
  it.each(pipelines)('%s passes the check, with no renamed field', async (file) => {
    const { spec, folder, warnings } = readSpec(join(root, 'examples', file));
    expect(warnings).toEqual([]);
    expect(await checkPlan(await loadPlan(spec, folder))).toEqual([]);
  });

  it.each(pipelines)('%s names its schema for editors', (file) => {
    expect(read(`examples/${file}`)).toMatch(
      /^# yaml-language-server: \$schema=\.\.\/schemas\/pipeline\.schema\.json\n/,
    );
  });

  it.each(bases)('bases/%s passes the check and names its schema', async (file) => {
    expect(read(`examples/bases/${file}`)).toMatch(
      /^# yaml-language-server: \$schema=\.\.\/\.\.\/schemas\/supervise\.schema\.json\n/,
    );
    expect(await checkSupervision(join(root, 'examples/bases', file), ['prompts.heldOut=8'])).toBeGreaterThan(8);
  });

  it.each(modules)('of %s are listed in docs/extending.md', (folder) => {
    const page = read('docs/extending.md');
    const names = readdirSync(`${root}examples/${folder}`);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !page.includes(`examples/${folder}/${name}`))).toEqual([]);
  });
});
