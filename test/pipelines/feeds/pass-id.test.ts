import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passId } from '../../../src/pipelines/feeds/pass-id.js';

describe('passId', () => {
  it.each([
    ['a', 0, 'a'],
    ['a', 1, 'a#1'],
    ['a#1', 0, 'a#1#0'],
    ['a#1', 1, 'a#1#1'],
    ['a#01', 0, 'a#01#0'],
    ['a#', 0, 'a#'],
    ['a#b', 2, 'a#b#2'],
    ['#1', 0, '#1#0'],
    ['a@1', 0, 'a@1'],
  ])('%s in pass %i is %s', (id, pass, expected) => expect(passId(id, pass, '#')).toBe(expected));

  it('differs for any two ids and passes', () => {
    const id = fc.stringMatching(/^[a#@0-9]{1,6}$/);
    const place = fc.tuple(id, fc.nat(120));
    fc.assert(
      fc.property(place, place, fc.constantFrom('#' as const, '@' as const), (one, other, mark) => {
        const isSame = one[0] === other[0] && one[1] === other[1];
        expect(passId(...one, mark) === passId(...other, mark)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });
});
