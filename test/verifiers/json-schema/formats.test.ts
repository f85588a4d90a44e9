import { describe, expect, it } from 'vitest';
import { judgeJsonSchema } from '../../../src/verifiers/json-schema/judge-json.js';

const valid = (format: string, text: string) =>
  judgeJsonSchema({ bare: true }, { schema: { format } }, JSON.stringify(text), '').verdict === 'correct';

const cases: Readonly<Record<string, { readonly valid: readonly string[]; readonly invalid: readonly string[] }>> = {
  'date-time': {
    valid: [
      '2024-02-29T00:00:00Z',
      '1990-12-31T23:59:60Z',
      '1990-12-31T15:59:60-08:00',
      '2015-07-01T01:59:60.5+02:00',
      '1963-06-19t08:30:06.283185z',
      '2024-01-01T00:00:00-00:00',
      '0001-01-01T00:00:00Z',
    ],
    invalid: [
      '2016-12-31T24:59:60+01:00',
      '2016-12-31T23:59:60+01:00',
      '1998-12-31T23:58:60Z',
      '2024-05-05T23:59:60Z',
      '2024-01-01T00:00:00+01',
      '2024-01-01T00:00:00+0100',
      '2024-01-01T00:00:00+24:00',
      '2024-01-01T00:00:00+01:60',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:00:61Z',
      '2023-02-29T00:00:00Z',
      '2024-01-01 00:00:00Z',
      '2024-01-01T00:00:00',
      '2024-01-01T00:00:00.Z',
      '2024-01-01T00:00Z',
    ],
  },
  date: { valid: ['2000-02-29'], invalid: ['1900-02-29', '2024-13-01', '2024-00-10', '2024-1-1', '2024-04-31'] },
  time: {
    valid: ['23:59:60Z', '08:59:60-15:00', '12:00:00.52+05:30'],
    invalid: ['12:00:00', '22:59:60Z', '24:00:00Z'],
  },
  duration: {
    valid: ['P1Y2M3D', 'PT1H2M', 'P3W', 'P1DT5S'],
    invalid: ['P', 'P1DT', 'P1Y2D', 'PT1H2S', 'P1W2D', 'P1H'],
  },
  hostname: {
    valid: ['a.com', 'localhost', '1.2.3', 'xn--4gbwdl.xn--wgbh1c', `${'a'.repeat(63)}.b`],
    invalid: ['a.com.', '.a', 'a..b', '-a.b', 'a-.b', 'a_b.c', `${'a'.repeat(64)}.b`, 'xn--X', ''],
  },
  'idn-hostname': { valid: ['münchen.de', 'a.com'], invalid: ['a b.de', '-ü.de', '%61.de'] },
  email: {
    valid: [
      'a@b.co',
      '"a b"@c.com',
      '"a@b"@c.com',
      '"a\\"b"@c.com',
      'a@[127.0.0.1]',
      'a@[IPv6:::1]',
      'a@localhost',
      "o'x+y@z.de",
    ],
    invalid: [
      'a',
      '@b.co',
      'a@',
      '.a@b.co',
      'a.@b.co',
      'a..b@c.de',
      'a b@c.de',
      '"a"b"@c.de',
      'a@b_c.de',
      'a@[300.0.0.1]',
      'a@b.',
      `${'a'.repeat(65)}@b.co`,
      'ü@b.co',
    ],
  },
  'idn-email': { valid: ['ü@münchen.de', 'a@b.co'], invalid: ['ü', 'ü ü@b.co'] },
  ipv4: { valid: ['0.0.0.0', '255.1.2.3'], invalid: ['01.2.3.4', '1.2.3', '1.2.3.4.', '256.1.1.1', '1.2.3.4\n'] },
  ipv6: { valid: ['::1', '::ffff:1.2.3.4'], invalid: ['fe80::1%eth0', '1::2::3', '12345::', '::1/64'] },
  uri: {
    valid: ['http://a.b/c?d#e', 'mailto:a@b.c', 'urn:x:y', 'http://[::1]:80/', 'file:///a'],
    invalid: ['/a', 'a b:c', 'http://[::1', 'http://a/"b"', 'http://a/%zz', 'http://[1::2::3]/', '1a:b', ''],
  },
  'uri-reference': { valid: ['/a', '', 'a/b:c', '#x', '//h/p'], invalid: ['\\a', 'a b', '1a:b'] },
  iri: { valid: ['http://ä.de/ü?ö'], invalid: ['http://a b', '/ü'] },
  uuid: {
    valid: ['123e4567-e89b-12d3-a456-426614174000'],
    invalid: ['urn:uuid:123e4567-e89b-12d3-a456-426614174000', '123e4567e89b12d3a456426614174000'],
  },
};

describe('formats', () => {
  for (const [format, texts] of Object.entries(cases)) {
    it.each(texts.valid)(`${format}: %j is valid`, (text) => expect(valid(format, text)).toBe(true));
    it.each(texts.invalid)(`${format}: %j is invalid`, (text) => expect(valid(format, text)).toBe(false));
  }
});
