import { readFileSync } from 'node:fs';
import type { AnySchema } from 'ajv';
import { describe, expect, it } from 'vitest';
import { judgeJsonSchema } from '../../../src/verifiers/json-schema/judge-json.js';
import { judgeLine } from '../question.js';

interface Case {
  readonly verdict: string;
  readonly completion: string;
  readonly schema: AnySchema;
  readonly values?: unknown;
  readonly bare?: boolean;
}

const cases = readFileSync(new URL('./cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

const judge = (completion: string, schema: AnySchema) =>
  judgeJsonSchema({ bare: false }, { schema }, completion, 'reference.data');

describe('json-schema', () => {
  it('keeps schemas of one engine apart', () => {
    const asked = (schema: AnySchema, value: string) => judge(value, schema).verdict;
    for (let round = 0; round < 2; round++) {
      expect(asked(true, '"0"')).toBe('correct');
      expect(asked(false, '0')).toBe('incorrect');
      for (const type of ['string', 'number']) {
        const referring = { $defs: { one: { type } }, items: { $ref: '#/$defs/one' } };
        expect(asked(referring, '["a"]')).toBe(type === 'string' ? 'correct' : 'incorrect');
        const named = { $id: 'https://example.org/one', $defs: { one: { $id: 'one/inner', type } }, $ref: 'one/inner' };
        expect(asked(named, '1')).toBe(type === 'number' ? 'correct' : 'incorrect');
        const recursive = { type: 'object', additionalProperties: { anyOf: [{ $ref: '#' }, { type }] } };
        expect(asked(recursive, '{"a": {"b": {"c": "x"}}}')).toBe(type === 'string' ? 'correct' : 'incorrect');
      }
    }
  });

  it.each(cases)('$completion under $schema: $verdict', ({ verdict, completion, bare = false, ...task }) => {
    const judgement = judgeJsonSchema({ bare }, task, completion, '');
    expect(judgement.verdict, judgement.reason).toBe(verdict);
  });

  it.each([
    ['a remote reference', { $ref: 'http://127.0.0.1/x.json' }],
    ['a remote reference in a nested schema', { properties: { a: { $ref: 'https://example.org/s#/definitions/a' } } }],
    ['a reference to a file', { $ref: 'file:///etc/passwd' }],
    ['one that loads what it refers to', { $async: true, type: 'object' }],
    ['an unknown draft', { $schema: 'http://json-schema.org/draft-04/schema#' }],
    ['a draft at a remote address', { $schema: 'http://127.0.0.1/schema' }],
    ['a type that does not exist', { type: 'strin' }],
    ['a reference to itself without end', { $ref: '#' }],
    ['a pattern that is none', { pattern: '(' }],
    ['unevaluatedItems behind contains', { contains: { type: 'number' }, unevaluatedItems: false }],
  ])('is an error, not a verdict, for a schema with %s', (_, schema) => {
    expect(() => judge('{"a": 1}', schema)).toThrow(/^reference\.data\.schema/);
  });

  it('survives deeply nested values', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    expect(judge(deep, { items: { $ref: '#' } }).verdict).toBe('incorrect');
    expect(judge('['.repeat(50_000), {}).verdict).toBe('unparseable');
    expect(judge('{"a":'.repeat(50_000), {}).verdict).toBe('unparseable');
  });

  it('does not modify prototypes', () => {
    judge('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}', {
      default: {},
      properties: { a: { default: 1 } },
    });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('stops a pattern with exponential running time', async () => {
    const completion = JSON.stringify(`${'a'.repeat(50)}b`);
    const line = { id: 'x', completion, schema: { type: 'string', pattern: '^(a+)+$' } };
    expect((await judgeLine('json-schema', line)).verdict).toBe('timeout');
  });
});
