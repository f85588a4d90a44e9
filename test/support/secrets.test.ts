import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  conceal,
  containsReference,
  hasLogin,
  hasReference,
  isReference,
  redact,
  redactAll,
  reveal,
  revealAll,
  withoutLogins,
} from '../../src/support/secrets.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-secrets-'));
writeFileSync(join(folder, 'token'), 'from-a-file\n');
vi.stubEnv('RLSD_TEST_TOKEN', 'from-the-environment');
vi.stubEnv('RLSD_TEST_EMPTY', '');
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const ref = (name: string) => `$\{${name}}`;

describe('reveal', () => {
  it.each([
    [{ env: 'RLSD_TEST_TOKEN' }, 'from-the-environment'],
    [{ file: 'token' }, 'from-a-file'],
    [`Bearer ${ref('RLSD_TEST_TOKEN')}`, 'Bearer from-the-environment'],
    [ref('file:token'), 'from-a-file'],
    [`${ref('RLSD_TEST_EMPTY:-plain')}/${ref('RLSD_TEST_NONE:-')}`, 'plain/'],
    [`$${ref('RLSD_TEST_TOKEN')}`, ref('RLSD_TEST_TOKEN')],
    [`the price is $5, $$x$$, ${ref('lower')} and $NAME`, `the price is $5, $$x$$, ${ref('lower')} and $NAME`],
  ])('reads %j', (text, expected) => {
    expect(reveal(text, 'verify.http.url', folder)).toBe(expected);
  });

  it('names the field and what is missing', () => {
    expect(() => reveal({ env: 'RLSD_TEST_NONE' }, 'verify.http.url')).toThrow(
      /^verify\.http\.url: the environment variable RLSD_TEST_NONE is not set; set it, or write \$\$\{RLSD_TEST_NONE\}/,
    );
    expect(() => reveal({ file: 'none' }, 'a.b', folder)).toThrow(/^a\.b: .*none: cannot be read \(ENOENT\)$/);
  });
});

it('tells references from data', () => {
  expect([{ env: 'A' }, { file: 'b' }].every(isReference)).toBe(true);
  expect([{ env: '' }, { env: 'A', file: 'b' }, {}, { env: 1 }, null, 'A'].some(isReference)).toBe(false);
  expect([ref('A'), 'a', 7].map(hasReference)).toEqual([true, false, false]);
  expect([{ a: [{ b: ref('A') }] }, [{ env: 'A' }], { a: ['b', null, 7] }].map(containsReference)).toEqual([
    true,
    true,
    false,
  ]);
});

it('reads nested data, and maps that look like references only where asked', () => {
  const data = { a: [ref('RLSD_TEST_TOKEN')], b: { env: 'RLSD_TEST_TOKEN' }, c: 1, d: null };
  const value = 'from-the-environment';
  expect(revealAll(data, 'x')).toEqual({ ...data, a: [value], b: value });
  expect(revealAll(data, 'x', folder, false)).toEqual({ ...data, a: [value] });
});

it('hides in messages what was read: as it is, in JSON, and in an address', () => {
  vi.stubEnv('RLSD_TEST_QUOTED', 'a "b" & c/d');
  reveal({ env: 'RLSD_TEST_QUOTED' }, 'x');
  for (const form of ['a "b" & c/d', 'a \\"b\\" & c/d', encodeURIComponent('a "b" & c/d')])
    expect(redact(`before ${form} after`)).toBe(`before ${ref('RLSD_TEST_QUOTED')} after`);
  expect(redactAll({ reason: ['x from-the-environment'] })).toEqual({ reason: [`x ${ref('RLSD_TEST_TOKEN')}`] });
});

it('hides a text that came from elsewhere, by the name it is given', () => {
  conceal('from-a-module', 'the token');
  expect(redact('refused from-a-module')).toBe('refused the token');
});

it.each([
  ['no answer from http://user:90210777@host:8081/x', 'no answer from http://…@host:8081/x'],
  ['https://u:p/w@host', 'https://…@host'],
  ['found "kafka://ghp_12345@host:9092"', 'found "kafka://…@host:9092"'],
  ['found "user:pass@host:9092"', 'found "…@host:9092"'],
  ['a:1,user:p@ss@b:2', '…@b:2'],
])('leaves the login out of %s', (message, shown) => {
  expect([withoutLogins(message), hasLogin(message)]).toEqual([shown, true]);
});

it.each(['http://host:8081/a', 'ask someone@example.org', 'ratio 3:4 at 5', 'https://npm.example/@scope'])(
  'finds no login in %s',
  (message) => {
    expect([withoutLogins(message), hasLogin(message)]).toEqual([message, false]);
  },
);
