import { describe, expect, it } from 'vitest';
import { parsePart } from '../../src/replay/part.js';

describe('parsePart', () => {
  it.each([
    ['step=4..8', { step: { from: 4, to: 8 } }],
    ['step=4..', { step: { from: 4 } }],
    ['offset=..8', { offset: { to: 8 } }],
    ['version=3', { version: { from: 3, to: 3 } }],
    ['time=1970-01-01T00:00:01Z..2000', { time: { from: 1000, to: 2000 } }],
    ['prompt=^sum=1', { prompt: /^sum=1/ }],
  ])('parses %s', (text, part) => {
    expect(parsePart([text])).toEqual(part);
  });

  it('combines several', () => {
    expect(parsePart(['step=1..', 'prompt=a'])).toEqual({ step: { from: 1 }, prompt: /a/ });
  });

  it.each([
    ['stp=4', /--only stp=4: did you mean step=\?/],
    ['step', /expected FIRST..LAST/],
    ['step=..', /expected FIRST..LAST/],
    ['step=1..2..3', /expected FIRST..LAST/],
    ['step=8..4', /found an end before the beginning/],
    ['step=x', /found "x", expected a whole number/],
    ['step=-1', /found "-1"/],
    ['time=yesterday', /found "yesterday", expected a date/],
    ['prompt=(', /--only prompt=\(: .*[Uu]nterminated/],
  ])('rejects %s', (text, message) => {
    expect(() => parsePart([text])).toThrow(message);
  });

  it('rejects a field given twice', () => {
    expect(() => parsePart(['step=1', 'step=2'])).toThrow(/expected step only once/);
  });
});
