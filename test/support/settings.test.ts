import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseSettings } from '../../src/support/settings.js';

const schema = z.strictObject({
  retries: z.int().min(0).max(9).default(3),
  mode: z.enum(['fast', 'safe']).optional(),
  auth: z
    .union([
      z.strictObject({ password: z.strictObject({ user: z.string(), secret: z.string() }) }),
      z.strictObject({ token: z.strictObject({ url: z.string() }) }),
    ])
    .optional(),
  list: z.array(z.string()).default([]),
  range: z.tuple([z.number(), z.number()]).optional(),
  name: z.string().min(1).optional(),
  hosts: z
    .preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(z.string().min(3)).min(1))
    .optional(),
  source: z
    .union([z.strictObject({ files: z.string() }), z.strictObject({ table: z.string(), key: z.string() })])
    .optional(),
  sum: z
    .union([
      z.strictObject({ a: z.string().optional() }).refine((parts) => Object.keys(parts).length > 0, 'expected a part'),
      z.looseObject({ module: z.string() }),
    ])
    .optional(),
});

function problems(input: unknown, where?: string): string[] {
  try {
    parseSettings(schema, input, where);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('settings', () => {
  it('are returned with their defaults', () => {
    expect(parseSettings(schema, { mode: 'fast' })).toEqual({ retries: 3, mode: 'fast', list: [] });
  });

  it.each([
    [{ retires: 5 }, 'retires: unknown field; did you mean retries?'],
    [
      { zzzzzzzz: 5 },
      'zzzzzzzz: unknown field; expected one of retries, mode, auth, list, range, name, hosts, source, sum',
    ],
    [{ retries: 'x' }, 'retries: found "x"; expected a number'],
    [{ retries: 1e19 }, 'retries: found 10000000000000000000; expected a number of at most 9'],
    [{ mode: 'slow' }, 'mode: found "slow"; expected one of fast, safe'],
    [{ mode: () => 'fast' }, 'mode: found a function; expected one of fast, safe'],
    [{ list: ['a', 1] }, 'list[1]: found 1; expected a string'],
    [{ auth: { tokn: {} } }, 'auth.tokn: unknown field; did you mean token?'],
    [{ auth: { token: {} } }, 'auth.token.url: is missing; expected a string'],
    [
      { auth: { token: { url: 'u' }, password: {} } },
      'auth.password: does not go with token; expected one or the other',
    ],
    [{ auth: 3 }, 'auth: found 3; expected an object'],
    [{ range: 1 }, 'range: found 1; expected a list'],
    [{ range: [1] }, 'range: found [1]; expected at least 2 items'],
    [{ name: '' }, 'name: found ""; expected a text'],
    [{ hosts: 'abc,d' }, 'hosts: found "abc,d"; expected at least 3 characters'],
    [{ hosts: ['abc', 'd'] }, 'hosts[1]: found "d"; expected at least 3 characters'],
    [{ source: { table: 't' } }, 'source.key: is missing; expected a string'],
    [{ source: { tabel: 't' } }, 'source.tabel: unknown field; did you mean table?'],
    [{ source: { files: 'f', table: 't' } }, 'source.table: does not go with files; expected one or the other'],
    [{ sum: { module: 1 } }, 'sum.module: found 1; this field does not take that'],
    [null, 'found null; expected an object'],
  ])('that are wrong are refused with field, found and expected: %j', (input, message) => {
    expect(problems(input)[0]).toBe(message);
  });

  it('tell of a wrong type once', () => {
    expect(problems({ list: '' })).toEqual(['list: found ""; expected a list']);
  });

  it('report every problem, each under the place where they were written', () => {
    expect(problems({ retires: 5, mode: 'slow' }, 'topics.x')).toEqual([
      'topics.x.mode: found "slow"; expected one of fast, safe',
      'topics.x.retires: unknown field; did you mean retries?',
    ]);
  });

  it('carry the code of their error', () => {
    expect(() => parseSettings(schema, 1, '', 'bad-x')).toThrow(expect.objectContaining({ code: 'bad-x' }));
  });
});
