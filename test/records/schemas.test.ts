import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { schemaTopics } from '../../src/topics/index.js';
import { temporaryFolder } from '../topics/folder.js';

interface Field {
  name: string;
  type: unknown;
  default?: unknown;
}
interface Schema {
  name: string;
  fields: Field[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const { recordTypes } = (await import(join(root, 'scripts/generated/records.mjs'))) as { recordTypes: () => string };
const { breaks } = (await import(join(root, 'scripts/schemas.mjs'))) as { breaks: (folder?: string) => string[] };

it('the TypeScript types match the schemas', () => {
  expect(readFileSync(join(root, 'src/records/records.ts'), 'utf8')).toBe(recordTypes());
});

it('there is a schema for each topic', () => {
  expect(schemaTopics()).toEqual(
    expect.arrayContaining(
      'prompts references privileged rollouts verdicts teacher-scores advantages weights metrics dead-letters'.split(
        ' ',
      ),
    ),
  );
});

describe('the schemas and those of the last release', () => {
  it('read each other', () => {
    expect(breaks()).toEqual([]);
  });

  /** What is broken after a change to one schema. */
  function afterChange(topic: string, change: (schema: Schema) => void): string[] {
    const folder = join(temporaryFolder(), 'schemas');
    mkdirSync(folder);
    cpSync(join(root, 'schemas/released'), join(folder, 'released'), { recursive: true });
    cpSync(join(root, 'schemas/released/0.1.0'), folder, { recursive: true });
    const file = join(folder, `${topic}.avsc`);
    const schema = JSON.parse(readFileSync(file, 'utf8')) as Schema;
    change(schema);
    writeFileSync(file, JSON.stringify(schema));
    return breaks(folder);
  }
  const field = (schema: Schema, name: string): Field => {
    const found = schema.fields.find((field) => field.name === name);
    if (!found) throw new Error(`no field ${name}`);
    return found;
  };

  it('may differ in a new field with a default, and in comments', () => {
    const changes = (schema: Schema) => schema.fields.push({ name: 'note', type: ['null', 'string'], default: null });
    expect(afterChange('prompts', changes)).toEqual([]);
  });

  it.each<[string, string, (schema: Schema) => void, RegExp]>([
    [
      'a new field without a default',
      'prompts',
      (s) => s.fields.push({ name: 'note', type: 'string' }),
      /prompts: this version cannot read records of 0\.1\.0: field note/,
    ],
    [
      'a field that is gone',
      'verdicts',
      (s) => void s.fields.splice(s.fields.indexOf(field(s, 'reward')), 1),
      /verdicts: 0\.1\.0 cannot read records of this version: field reward/,
    ],
    [
      'another type',
      'metrics',
      (s) => Object.assign(field(s, 'step'), { type: 'string' }),
      /metrics: this version cannot read .*: field step: /,
    ],
    [
      'a wider type',
      'metrics',
      (s) => Object.assign(field(s, 'step'), { type: 'long' }),
      /metrics: 0\.1\.0 cannot read .*: field step: /,
    ],
    [
      'a further symbol',
      'rollouts',
      (s) => void (field(s, 'finishReason').type as { symbols: string[] }).symbols.push('late'),
      /rollouts: 0\.1\.0 cannot read .*: field finishReason: /,
    ],
  ])('may not differ in %s', (_, topic, change, message) => {
    const found = afterChange(topic, change);
    expect(found.join('\n')).toMatch(message);
    expect(found.every((line) => line.startsWith(`topic ${topic}: `))).toBe(true);
  });

  it('must not lack a topic', () => {
    const folder = join(temporaryFolder(), 'schemas');
    cpSync(join(root, 'schemas'), folder, { recursive: true });
    rmSync(join(folder, 'weights.avsc'));
    expect(breaks(folder)).toContain('topic weights: its schema is gone, but was released in 0.1.0');
  });
});
