import { expect, it } from 'vitest';
import { allOf, anyOf, checked, weighted } from '../../../src/verifiers/combine.js';
import type { Judgement, Verifier } from '../../../src/verifiers/verifier.js';
import { ask } from '../question.js';

const gives = (name: string, verdict: Judgement['verdict'], reward = verdict === 'correct' ? 1 : 0): Verifier => ({
  name,
  hash: name,
  verify: async () => ({ verdict, reward, reason: `${name} says so`, evidence: { from: name } }),
  close: async () => {},
});
const fails: Verifier = { ...gives('fails', 'crash'), verify: () => Promise.reject(new Error('it is down')) };
const [yes, half, no, late] = [
  gives('yes', 'correct'),
  gives('half', 'correct', 0.5),
  gives('no', 'incorrect'),
  gives('late', 'timeout'),
];

it.each([
  ['all', allOf([yes, half]), 'correct', 0.5],
  ['all', allOf([yes, no, late]), 'incorrect', 0],
  ['all', allOf([late, no]), 'timeout', 0],
  ['any', anyOf([no, half, yes]), 'correct', 1],
  ['any', anyOf([late, no]), 'timeout', 0],
  [
    'weighted',
    weighted([
      { weight: 3, verifier: yes },
      { weight: 1, verifier: no },
    ]),
    'correct',
    3,
  ],
  [
    'weighted',
    weighted([
      { weight: 0.2, verifier: yes },
      { weight: 0.8, verifier: no },
    ]),
    'incorrect',
    0.2,
  ],
  [
    'weighted',
    weighted([
      { weight: 1, verifier: yes },
      { weight: -0.5, verifier: half },
    ]),
    'correct',
    0.75,
  ],
  [
    'weighted',
    weighted([
      { weight: 1, verifier: no },
      { weight: 1, verifier: yes },
    ]),
    'incorrect',
    1,
  ],
  ['checked', checked(yes, no), 'correct', 1],
  ['checked', checked(no, yes), 'incorrect', 0],
])('%s: %# gives %s, %d', async (_, verifier, verdict, reward) => {
  expect(await verifier.verify(ask('x'))).toMatchObject({ verdict, reward });
});

it('keeps the evidence of every part and names the part that decided', async () => {
  expect(await allOf([yes, no]).verify(ask('x'))).toMatchObject({
    reason: 'no: no says so',
    evidence: { '1 yes': 'correct', '1 yes: from': 'yes', '2 no': 'incorrect', '2 no: from': 'no' },
  });
});

it.each([
  ['all', allOf([no, fails])],
  ['any', anyOf([yes, fails])],
  [
    'weighted',
    weighted([
      { weight: 1, verifier: yes },
      { weight: 0, verifier: fails },
    ]),
  ],
  ['checked', checked(yes, fails)],
])('%s fails where a part fails, instead of a verdict without it', async (_, verifier) => {
  await expect(verifier.verify(ask('x'))).rejects.toThrow('it is down');
});

it('the hash covers the parts, their order and their weights', () => {
  const hashes = [
    allOf([yes, no]),
    allOf([no, yes]),
    anyOf([yes, no]),
    checked(yes, no),
    weighted([
      { weight: 1, verifier: yes },
      { weight: 1, verifier: no },
    ]),
    weighted([
      { weight: 1, verifier: yes },
      { weight: 2, verifier: no },
    ]),
  ].map(({ hash }) => hash);
  expect(new Set(hashes).size).toBe(hashes.length);
});
