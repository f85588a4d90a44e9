import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanCut, type Entry, finishedCut, newWork, type Work } from '../../src/runtime/work.js';

/** A window whose records belong to the units with these numbers; `finished` names those that are. */
function windowOf(units: readonly number[], finished: ReadonlySet<number>): Entry<number>[] {
  const works = new Map<number, Work<number>>();
  return units.map((unit, i) => {
    const work = works.get(unit) ?? newWork<number>(String(unit));
    works.set(unit, work);
    work.finished = finished.has(unit);
    const record = { topic: 't', partition: 0, offset: BigInt(i), timestamp: 0, key: '', value: null, headers: {} };
    const entry = { record, value: unit, place: undefined, takesCredit: true, work };
    work.entries.push(entry);
    return entry;
  });
}

const windows = fc.record({
  units: fc.array(fc.nat({ max: 4 }), { maxLength: 12 }),
  finished: fc.array(fc.nat({ max: 4 })).map((units) => new Set(units)),
});

describe('what may be committed of a window', () => {
  it('is finished and splits no unit', () =>
    fc.assert(
      fc.property(windows, ({ units, finished }) => {
        const cut = cleanCut(windowOf(units, finished));
        const [before, after] = [new Set(units.slice(0, cut)), new Set(units.slice(cut))];
        for (const unit of before) expect([finished.has(unit), after.has(unit)]).toEqual([true, false]);
      }),
    ));

  it('is as long as it can be', () =>
    fc.assert(
      fc.property(windows, ({ units, finished }) => {
        const cut = cleanCut(windowOf(units, finished));
        for (let longer = cut + 1; longer <= units.length; longer++) {
          const [before, after] = [units.slice(0, longer), new Set(units.slice(longer))];
          expect(before.every((unit) => finished.has(unit) && !after.has(unit))).toBe(false);
        }
      }),
    ));

  it('may split units where steps overlap', () => {
    expect(finishedCut(windowOf([0, 1, 0, 1], new Set([0])))).toBe(1);
    expect(finishedCut(windowOf([0, 1, 0], new Set([0, 1])))).toBe(3);
    expect(finishedCut(windowOf([], new Set()))).toBe(0);
  });
});
