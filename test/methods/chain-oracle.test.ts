import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ShapedSample } from '../../src/methods/method.js';
import { loadMethod } from '../../src/pipelines/plan/load-method.js';
import { groupOf, judged, nth } from './groups.js';

it('credits right digits of a good completion, and blames wrong ones of a bad one', async () => {
  const words = ['chain 3 4 2', 'so a 7 b 9 answer 9', 'so a 6 b 8 answer 9'];
  const ids = words.map((text) => text.split(' '));
  const vocabulary = [...new Set(ids.flat())];
  const tokens = (i: number) => Int32Array.from(nth(ids, i), (word) => vocabulary.indexOf(word));
  const decode = (all: Int32Array) => Array.from(all, (id) => nth(vocabulary, id)).join(' ');
  const sample = (reward: number, i: number) => ({
    ...judged(reward, Array(7).fill(-1), null),
    completionTokens: tokens(i),
  });
  const group = { ...groupOf(sample(1, 1), sample(0, 2)), decode, promptTokens: tokens(0) };
  const module = join(import.meta.dirname, '../../examples/methods/chain-oracle.mjs');
  const [good, bad] = (await loadMethod({ module }, '.')).shape(group, 0);
  const shares = ({ advantage, tokenAdvantages }: ShapedSample) =>
    Array.from(tokenAdvantages, (a) => Number((a / advantage).toFixed(9)));
  expect(good && shares(good)).toEqual([0.1, 0.1, 1, 0.1, 1, 0.1, 1]);
  expect(bad && shares(bad)).toEqual([0.1, 0.1, 1, 0.1, 0.1, 0.1, 1]);
  expect(bad?.stats).toEqual({ wrongSteps: 2 });
});
