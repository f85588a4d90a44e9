import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lru } from '../../../src/privileged/documents/lru.js';

it('keeps the most recently used values, as many as fit', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.nat(9), fc.integer({ min: 1, max: 12 })));
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), (all, limit) => {
      const cache = lru<number, number>(limit, (_, weight) => weight);
      // The plain form: a list from the value used longest ago to the last.
      let list: [number, number][] = [];
      for (const [step, key, weight] of all) {
        const found = list.find(([one]) => one === key);
        if (step === 'get') expect(cache.get(key)).toBe(found?.[1]);
        if (step === 'set') cache.set(key, weight);
        if (step === 'delete') cache.delete(key);
        if (step !== 'get' || found) list = list.filter(([one]) => one !== key);
        if (step === 'get' && found) list.push(found);
        if (step !== 'set' || weight > limit) continue;
        while (list.reduce((sum, [, one]) => sum + one, weight) > limit) list.shift();
        list.push([key, weight]);
      }
      for (let key = 0; key < 10; key++) expect(cache.get(key)).toBe(list.find(([one]) => one === key)?.[1]);
    }),
  );
});
