import { filter, from, lastValueFrom, map, mergeMap, type OperatorFunction, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { throughOperator } from '../../src/pipelines/through-operator.js';
import type { Verdict } from '../../src/records/records.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

const verdicts = [0, 1].map((n) => verdictOf(rolloutOf(promptOf(n), 0, 1), n));
const first = verdicts.slice(0, 1);
const through = (operator: () => unknown, records: readonly Verdict[] = first): Promise<Verdict[]> => {
  const op = {
    topic: 'verdicts' as const,
    name: 'mine',
    operator: operator as () => OperatorFunction<Verdict, Verdict>,
  };
  return lastValueFrom(from(records).pipe(throughOperator(op), toArray()));
};

describe("a user's operator", () => {
  it('may change a record, or leave it out', async () => {
    const half = map((verdict: Verdict) => ({ ...verdict, reward: verdict.reward / 2 }));
    expect(await through(() => half, [verdicts[1] as Verdict])).toMatchObject([{ promptId: 'p1', reward: 0.5 }]);
    expect(await through(() => filter(() => false))).toEqual([]);
  });

  it.each<[string, () => OperatorFunction<Verdict, unknown>, RegExp]>([
    ['gives nothing known', () => map(() => undefined), /gave undefined; expected sample p0\/0 changed, or nothing/],
    ['gives a text', () => map(({ completion }) => completion), /gave "so"; expected sample p0\/0/],
    [
      "gives another sample's record",
      () => map((verdict) => ({ ...verdict, sampleIndex: 7 })),
      /gave a record of sample p0\/7; expected sample p0\/0/,
    ],
    ['gives a record twice', () => mergeMap((verdict) => of(verdict, verdict)), /gave a second record/],
    [
      'gives a field of another type',
      () => map((verdict) => ({ ...verdict, reward: 'high' })),
      /of another type: topic verdicts: field reward is "high"; expected double/,
    ],
    [
      'leaves a field out',
      () => map(({ verdict: _, ...rest }) => rest),
      /of another type: topic verdicts: field verdict /,
    ],
  ])('that %s is told so', async (_, operator, message) => {
    const result = through(operator);
    await expect(result).rejects.toMatchObject({ code: 'bad-output', message: expect.stringMatching(message) });
  });
});
