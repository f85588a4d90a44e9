import { readFileSync } from 'node:fs';
import type { AnySchema } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, parseExact, stringifyExact } from '../../../src/support/exact-json.js';
import { extractJson } from '../../../src/verifiers/json-schema/extract.js';
import { judgeJsonSchema } from '../../../src/verifiers/json-schema/judge-json.js';

interface Case {
  readonly verdict: string;
  readonly completion: string;
  readonly schema: AnySchema;
  readonly values?: unknown;
}

const cases = readFileSync(new URL('./exact.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const judge = (schema: AnySchema, completion: string) =>
  judgeJsonSchema({ bare: false }, { schema }, completion, 'reference.data');

describe('numbers as written', () => {
  it.each(cases)('%s', (line) => {
    const { verdict, completion, ...task } = parseExact(line) as Case;
    const judgement = judgeJsonSchema({ bare: false }, task, completion, '');
    expect(judgement.verdict, judgement.reason).toBe(verdict);
  });

  it('limits are exact for integers of any size', () => {
    const limit = parseExact('{"minimum": 123456789012345678901234567890}') as AnySchema;
    fc.assert(
      fc.property(fc.bigInt({ min: -1000n, max: 1000n }), (distance) => {
        const { verdict } = judge(limit, String(123456789012345678901234567890n + distance));
        expect(verdict).toBe(distance >= 0n ? 'correct' : 'incorrect');
      }),
    );
  });

  it('multiples follow integer arithmetic', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.integer({ min: 1, max: 1_000_000 }), (value, step) => {
        expect(judge({ multipleOf: step }, String(value)).verdict).toBe(
          value % BigInt(step) === 0n ? 'correct' : 'incorrect',
        );
      }),
      { numRuns: 30 },
    );
  });

  it('huge exponents take no time', () => {
    expect(judge({ multipleOf: 3 }, '1e99999999999').verdict).toBe('incorrect');
    expect(judge({ const: 1 }, '1e-99999999999').verdict).toBe('incorrect');
  });

  it('JSON survives reading and writing', () => {
    fc.assert(
      fc.property(fc.json(), fc.bigInt(), fc.string(), (json, number, text) => {
        expect(stringifyExact(parseExact(json))).toBe(JSON.stringify(JSON.parse(json)));
        const marked = JSON.stringify([`\uE000${number}`, text, `"\uE000${number}"`]);
        expect(parseExact(`[${number}e30, ${marked}, 9007199254740993]`)).toEqual([
          expect.anything(),
          JSON.parse(marked),
          new ExactNumber('9007199254740993'),
        ]);
        const exact = `[9007199254740993,${marked}]`;
        expect(stringifyExact(parseExact(exact))).toBe(exact);
      }),
    );
  });
});

describe('the JSON of a completion', () => {
  it.each([
    ['only in thinking', '<think>{"a": 1}</think> I do not know.', undefined],
    ['after thinking', '<think>{"a": 2}</think>\n{"a": 1}', { a: 1 }],
    ['on one line with its fences', '```json {"a": 1}```', { a: 1 }],
    ['in a quote', '> ```json\n> {"a": 1}\n> ```', { a: 1 }],
    ['in a fence closed on the last line', '```json\n{"a": 1}```\nDone.', { a: 1 }],
    ['with a fence inside a string', '```json\n{"a": "```x```"}\n```', { a: '```x```' }],
    ['with thinking inside a string', '{"a": "<think>x</think>"}', { a: '<think>x</think>' }],
  ])('%s', (_, completion, value) => {
    expect(extractJson(completion, false)?.value).toEqual(value);
  });
});

describe('a schema that does not compile', () => {
  it('names a pattern that JavaScript lacks', () => {
    expect(() => judge({ properties: { a: { pattern: '(?i)^a$' } } }, '{}')).toThrow(
      'reference.data.schema: the pattern "(?i)^a$" is not a regular expression of JavaScript: Invalid regular',
    );
  });

  it('reports that references to other documents are not fetched', () => {
    expect(() => judge({ $ref: 'http://127.0.0.1/x' }, '{}')).toThrow(
      'a reference does not resolve (nothing is fetched)',
    );
  });
});
