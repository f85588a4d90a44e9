import { expect, it } from 'vitest';
import { declaredEncoding, decode } from '../../../src/privileged/formats/decode.js';

const html = (bytes: Buffer): string => decode('a.html', bytes, declaredEncoding);

it.each([
  ['<meta charset="windows-1252">', [0xf6, 0x80, 0x92], 'ö€’'],
  ["<META  CHARSET = 'latin1'>", [0xdf], 'ß'],
  ['<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2">', [0xb1], 'ą'],
  ['<meta charset=shift_jis>', [0x93, 0xfa], '日'],
  ['<?xml version="1.0" encoding="ISO-8859-15"?>', [0xa4], '€'],
  ['<!-- <meta charset=latin1> --><meta charset=utf-8>', [0xc3, 0x9f], 'ß'],
  ['<meta charset=utf-16>', [0xc3, 0x9f], 'ß'],
  ['<p>', [0xc3, 0x9f], 'ß'],
])('decodes as %s declares', (start, bytes, text) => {
  expect(html(Buffer.concat([Buffer.from(start), Buffer.from(bytes)]))).toBe(start + text);
});

it('prefers a byte order mark to a declaration', () => {
  expect(html(Buffer.from('\uFEFF<meta charset=latin1>ß'))).toBe('<meta charset=latin1>ß');
  expect(html(Buffer.from('\uFEFF<meta charset=latin1>ß', 'utf16le'))).toBe('<meta charset=latin1>ß');
});

it('refuses bytes that are not of the encoding, and encodings that it does not know', () => {
  const latin = Buffer.from('gr\u00f6\u00dfe', 'latin1');
  expect(() => decode('a.txt', latin)).toThrow('a.txt: found bytes that are not UTF-8, expected UTF-8, or UTF-16');
  expect(() => html(Buffer.concat([Buffer.from('<meta charset=euc-jp>'), latin]))).toThrow(
    /EUC-JP, expected the encoding/,
  );
  expect(() => html(Buffer.from('<meta charset=klingon>'))).toThrow(
    /declares the encoding klingon, which is not known/,
  );
});
