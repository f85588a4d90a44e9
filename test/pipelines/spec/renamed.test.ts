import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { changeSpec, checkSpec, readSpec } from '../../../src/pipelines/spec/parse.js';
import { newPath, renameFields } from '../../../src/pipelines/spec/renamed.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

const old = { ...tinyPipeline, learn: { ...tinyPipeline.learn, decay: 'linear' as const, miniBatches: 2 } };
const warnings = [
  'learn.decay is now called learn.schedule; the old name will be removed in the next release',
  'learn.miniBatches is now called learn.updatesPerEpoch; the old name will be removed in the next release',
];

describe('a renamed field', () => {
  it('is read from YAML under its old name, with a warning that names line and column', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'rlsd-renamed-')), 'old.yaml');
    writeFileSync(file, JSON.stringify(old).replace('"learn"', '\n"learn"'));
    const parsed = readSpec(file);
    expect(parsed.spec.learn).toMatchObject({ schedule: 'linear', updatesPerEpoch: 2 });
    expect(parsed.warnings).toEqual([
      expect.stringMatching(new RegExp(`old\\.yaml:2:\\d+: ${warnings[0]}`)),
      expect.stringMatching(new RegExp(`old\\.yaml:2:\\d+: ${warnings[1]}`)),
    ]);
  });

  it('is located where the old name is written when its value is wrong', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'rlsd-renamed-')), 'old.yaml');
    writeFileSync(
      file,
      JSON.stringify({ ...old, learn: { ...old.learn, decay: 'steep' } }).replace('"decay"', '\n"decay"'),
    );
    expect(() => readSpec(file)).toThrow(/old\.yaml:2:1: learn\.schedule: found "steep"/);
  });

  it('is set by --set under its old name, over a file with either name', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'rlsd-renamed-')), 'spec.yaml');
    for (const spec of [tinyPipeline, old, { ...tinyPipeline, learn: { ...tinyPipeline.learn, schedule: 'linear' } }]) {
      writeFileSync(file, JSON.stringify(spec));
      const parsed = readSpec(file, ['learn.decay=cosine']);
      expect(parsed.spec.learn?.schedule).toBe('cosine');
      expect(parsed.warnings).toContain(`--set learn.decay: ${warnings[0]}`);
    }
    expect(changeSpec(checkSpec(old), ['learn.miniBatches=3']).learn?.updatesPerEpoch).toBe(3);
  });

  it('is read in TypeScript, and the plan tells the warning', () => {
    const plan = pipeline(old).plan('.');
    expect(plan.spec.learn).toMatchObject({ schedule: 'linear', updatesPerEpoch: 2 });
    expect(plan.warnings).toEqual(warnings.map((warning) => `pipeline: ${warning}`));
    expect(pipeline(tinyPipeline).plan('.').warnings).toEqual([]);
  });

  it('is read in the settings of a method', () => {
    const plan = pipeline({ ...tinyPipeline, shape: { rlsd: { clip: [0.8, 2] } } }).plan('.');
    expect(plan.spec.shape).toMatchObject({ rlsd: { weightClip: [0.8, 2] } });
    expect(plan.warnings).toEqual([
      'pipeline: shape.rlsd.clip is now called shape.rlsd.weightClip; the old name will be removed in the next release',
    ]);
  });

  it('is refused under both names at once', () => {
    const both = { ...old, learn: { ...old.learn, schedule: 'linear' as const } };
    expect(() => checkSpec(both)).toThrow(/learn\.decay: unknown field/);
  });
});

describe('renameFields', () => {
  const fields = [{ old: 'a.b', name: 'c' }];

  it('gives every path that newPath gives, and keeps what was not renamed', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'd'), fc.dictionary(fc.constantFrom('b', 'd'), fc.nat())),
        (data) => {
          const paths = (value: object, prefix = ''): string[] =>
            Object.entries(value).flatMap(([key, inner]) =>
              typeof inner === 'object' ? paths(inner, `${prefix}${key}.`) : [`${prefix}${key}=${inner}`],
            );
          const renamed = renameFields(data, fields).data as object;
          expect(paths(renamed)).toEqual(paths(data).map((path) => path.replace(/^a\.b=/, 'a.c=')));
        },
      ),
    );
  });

  it('keeps the input when nothing is renamed', () => {
    const data = { a: { d: 1 } };
    expect(renameFields(data, fields)).toEqual({ data, found: [] });
    expect(newPath('a.b.x', fields)).toBe('a.c.x');
    expect(newPath('a.bc', fields)).toBe('a.bc');
  });
});
