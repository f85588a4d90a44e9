import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withMethods } from '../../../scripts/generated/method-table.mjs';
import { schemaFile, withFields } from '../../../scripts/generated/pipeline-schema.mjs';
import { withVerifiers } from '../../../scripts/generated/verifier-table.mjs';
import { methods } from '../../../src/methods/registry.js';
import { pipelineJsonSchema } from '../../../src/pipelines/spec/spec.js';
import { moduleKind, verifierKinds } from '../../../src/verifiers/registry.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const schema = pipelineJsonSchema();
const examples = readdirSync(new URL('examples', root)).filter((file) => file.endsWith('.yaml'));
const validate = new Ajv({ strict: false }).compile(schema);

describe('the published schema of a pipeline file', () => {
  it('is up to date; `npm run records` makes it', () => {
    expect(read('schemas/pipeline.schema.json')).toBe(schemaFile(schema));
  });

  it('has every field in the documentation; `npm run records` puts them there', () => {
    const page = read('docs/pipeline.md');
    expect(withFields(page, schema)).toBe(page);
    expect(page).toContain(
      '| `shape.rlsd.weightClip` | number above 0 below 1 or [number from 0 to 1, number from 1] |',
    );
  });

  it('has every method in the documentation; `npm run records` puts them there', () => {
    const page = read('docs/algorithms.md');
    expect(withMethods(page, methods)).toBe(page);
    expect(page).toContain('| `shape.rlsd.weightClip` |');
  });

  it('has every verifier in the documentation; `npm run records` puts them there', () => {
    const page = read('docs/verifiers.md');
    expect(withVerifiers(page, [...verifierKinds, moduleKind])).toBe(page);
    expect(page).toContain('| `code.limits.seconds` | number from 0.1 to 3600 | `4` |');
  });

  const pipelines = examples.filter((file) => 'pipeline' in parse(read(`examples/${file}`)));
  it.each(pipelines)('takes examples/%s, which names it for editors', (file) => {
    const text = read(`examples/${file}`);
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../schemas/pipeline.schema.json');
    validate(parse(text));
    expect(validate.errors).toBeNull();
  });

  it('refuses an unknown field, a missing one and a number out of range', () => {
    const fine = parse(read('examples/arithmetic.yaml'));
    const { model: _, ...noModel } = fine;
    expect(validate({ ...fine, teech: {} })).toBe(false);
    expect(validate(noModel)).toBe(false);
    expect(validate({ ...fine, shape: { rlsd: { lambda: 1.5 } } })).toBe(false);
    expect(validate({ ...fine, verify: { math: { precison: 3 } } })).toBe(false);
    expect(validate({ ...fine, verify: { all: [{ exact: {} }, { matth: {} }] } })).toBe(false);
    expect(validate({ ...fine, verify: { math: {}, exact: {} } })).toBe(false);
  });
});
