import {
  concatMap,
  filter,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  mergeMap,
  type Observable,
  type OperatorFunction,
  of,
  pairwise,
  reduce,
  scan,
  toArray,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/operators/dead-letter.js';
import { type GroupTopic, type Sample, type TransformOptions, transform } from '../../src/operators/transform.js';
import { float32Array, float32Bytes } from '../../src/records/arrays.js';
import type { Advantage, TopicRecords, Verdict } from '../../src/records/records.js';
import { advantageOf, promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

/** Two steps of two prompts with two samples each; rewards 0 to 7 in the order of prompt and sample. */
const verdicts = [0, 1, 2, 3].flatMap((n) =>
  [0, 1].map((i) => verdictOf(rolloutOf({ ...promptOf(n), step: n >> 1 }, i, 2), 2 * n + i)),
);
type V = Sample<'verdicts'>;
const id = ({ promptId, sampleIndex }: { promptId: string; sampleIndex: number }) => `${promptId}/${sampleIndex}`;

async function run<T extends GroupTopic>(
  topic: T,
  records: readonly TopicRecords[T][],
  operator: () => OperatorFunction<Sample<T>, Sample<T>>,
  options: TransformOptions = {},
) {
  const failures: Failure<TopicRecords[T]>[] = [];
  const settings = {
    ...options,
    prompts: 2,
    attempts: 1,
    onDeadLetter: (f: (typeof failures)[0]) => void failures.push(f),
  };
  const outputs = await lastValueFrom(from(records).pipe(transform(topic, operator, settings), toArray()));
  const errors = failures.flatMap(({ records: lost, cause, error }) =>
    lost.map((one) => `${id(one)} ${cause}: ${error.message}`),
  );
  return { outputs, errors };
}
const rewards = (outputs: readonly Verdict[]) => outputs.map(({ reward }) => reward);

describe('a stateful transform', () => {
  const runningSum = () => scan((before: V, verdict: V): V => ({ ...verdict, reward: before.reward + verdict.reward }));

  it.each([
    ['record', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['group', [0, 1, 2, 5, 4, 9, 6, 13]],
    ['step', [0, 1, 3, 6, 4, 9, 15, 22]],
  ] as const)('sees one %s per stream', async (unit, expected) => {
    const { outputs, errors } = await run('verdicts', verdicts, runningSum, { unit });
    expect([rewards(outputs), errors]).toEqual([expected, []]);
  });

  it('ranks the samples of a group', async () => {
    const rank = () => (source: Observable<V>) =>
      source.pipe(
        toArray(),
        mergeMap((group) => {
          const ranked = group.toSorted((a, b) => b.reward - a.reward);
          return ranked.map((verdict, place) => ({ ...verdict, reward: 1 - place / group.length }));
        }),
      );
    const { outputs } = await run('verdicts', verdicts, rank);
    expect(rewards(outputs)).toEqual([0.5, 1, 0.5, 1, 0.5, 1, 0.5, 1]);
  });

  it('subtracts the running mean of a step', async () => {
    const centre = () =>
      scan<V, { sum: number; count: number; verdict?: V }, undefined>((before, verdict) => {
        const [sum, count] = [(before?.sum ?? 0) + verdict.reward, (before?.count ?? 0) + 1];
        return { sum, count, verdict: { ...verdict, reward: verdict.reward - sum / count } };
      }, undefined);
    const operator = (): OperatorFunction<V, V> => (source) =>
      source.pipe(
        centre(),
        mergeMap(({ verdict }) => (verdict ? [verdict] : [])),
      );
    const { outputs } = await run('verdicts', verdicts, operator, { unit: 'step' });
    expect(rewards(outputs)).toEqual([0, 0.5, 1, 1.5, 0, 0.5, 1, 1.5]);
  });

  it('gives the same outputs whatever order the samples arrive in', async () => {
    const shuffled = [3, 1, 2, 0, 7, 4, 6, 5].flatMap((n) => verdicts.slice(n, n + 1));
    const byId = (outputs: readonly Verdict[]) => new Map(outputs.map((verdict) => [id(verdict), verdict.reward]));
    const [one, two] = [
      await run('verdicts', verdicts, runningSum, { unit: 'step' }),
      await run('verdicts', shuffled, runningSum, { unit: 'step' }),
    ];
    expect(byId(two.outputs)).toEqual(byId(one.outputs));
  });
});

describe('a transform that leaves samples out', () => {
  const better = () => filter((verdict: V) => verdict.sampleIndex > 0);

  it('may, when it declares drops', async () => {
    const { outputs, errors } = await run('verdicts', verdicts, better, { drops: true });
    expect([outputs.map(id), errors]).toEqual([['p0/1', 'p1/1', 'p2/1', 'p3/1'], []]);
  });

  it('otherwise makes a dead letter of each that is lost', async () => {
    const { outputs, errors } = await run('verdicts', verdicts.slice(0, 2), better);
    expect(outputs.map(id)).toEqual(['p0/1']);
    expect(errors).toEqual([
      expect.stringMatching(/^p0\/0 lost-sample: sample p0\/0: not emitted, .* declares drops: true/),
    ]);
  });

  it.each([
    [
      'pairwise',
      () => (s: Observable<V>) =>
        s.pipe(
          pairwise(),
          map(([, verdict]) => verdict),
        ),
      ['p0/0'],
    ],
    ['reduce', () => reduce((_: V, verdict: V) => verdict), ['p0/0']],
    ['ignoreElements', () => ignoreElements(), ['p0/0', 'p0/1']],
  ])('and so %s loses nothing in silence', async (_, operator, lost) => {
    const { errors } = await run('verdicts', verdicts.slice(0, 2), operator);
    expect(errors.map((error) => error.split(':')[0])).toEqual(lost.map((sample) => `${sample} lost-sample`));
  });
});

describe('what a transform emits', () => {
  const advantages = [0, 1].map((i): Advantage => ({ ...advantageOf(promptOf(0)), sampleIndex: i, groupSize: 2 }));
  type A = Sample<'advantages'>;

  it('is in typed arrays, packed again', async () => {
    const halve = () => map((a: A): A => ({ ...a, tokenAdvantages: a.tokenAdvantages.map((x) => x / 2) }));
    const { outputs, errors } = await run('advantages', advantages, halve);
    expect(errors).toEqual([]);
    expect(outputs.map((a) => [...float32Array(a.tokenAdvantages)])).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
    expect(outputs[0]).toEqual({ ...advantages[0], tokenAdvantages: float32Bytes([0.5, 0.5]) });
  });

  it('does not change the record when it works in place', async () => {
    const inPlace = () =>
      map((a: A): A => {
        a.tokenAdvantages.fill(0);
        return a;
      });
    await run('advantages', advantages, inPlace);
    expect([...float32Array(advantages[0]?.tokenAdvantages ?? new Uint8Array())]).toEqual([1, 1]);
  });

  it('may be in any order', async () => {
    const reversed = () => (source: Observable<A>) =>
      source.pipe(
        toArray(),
        concatMap((group) => group.reverse()),
      );
    expect((await run('advantages', advantages, reversed)).outputs).toEqual(advantages);
  });

  const second = (change: (a: A) => unknown) => () => map((a: A) => (a.sampleIndex === 1 ? change(a) : a) as A);

  it.each<[string, (a: A) => unknown, RegExp]>([
    ['NaN', (a) => ({ ...a, advantage: Number.NaN }), /: advantage is NaN, expected a finite number/],
    [
      'a NaN in an array',
      (a) => ({ ...a, tokenAdvantages: Float32Array.of(0, Number.NaN) }),
      /: tokenAdvantages\[1\] is NaN, expected a finite number/,
    ],
    [
      'a wrong length',
      (a) => ({ ...a, samplingLogprobs: Float32Array.of(-1) }),
      /: samplingLogprobs has 1 values, expected 2: one per completion token/,
    ],
    ['a wrong mask', (a) => ({ ...a, mask: Uint8Array.of(1) }), /: mask has 1 values, expected 2/],
    [
      'bytes',
      (a) => ({ ...a, tokenAdvantages: new Uint8Array(8) }),
      /: tokenAdvantages is Uint8Array, expected Float32Array/,
    ],
    ['another step', (a) => ({ ...a, step: 3 }), /: step is 3, expected 0: a transform must not change it/],
    ['a wrong type', (a) => ({ ...a, reward: 'high' }), /: topic advantages: field reward is "high"; expected double/],
  ])('%s becomes a dead letter of that sample alone', async (_, change, message) => {
    const { outputs, errors } = await run('advantages', advantages, second(change));
    expect(outputs.map(id)).toEqual(['p0/0']);
    expect(errors).toEqual([expect.stringMatching(new RegExp(`^p0/1 bad-output: sample p0/1${message.source}`))]);
  });

  it('twice becomes a dead letter of that sample', async () => {
    const doubled = () => mergeMap((a: A) => (a.sampleIndex === 1 ? of(a, a) : of(a)));
    const { outputs, errors } = await run('advantages', advantages, doubled);
    expect(outputs.map(id)).toEqual(['p0/0']);
    expect(errors).toEqual(['p0/1 bad-output: sample p0/1: emitted 2 times, expected once']);
  });

  it.each<[string, (a: A) => unknown, RegExp]>([
    [
      'a foreign sample',
      (a) => ({ ...a, sampleIndex: 7 }),
      /emitted sample p0\/7, which is not in the unit; expected p0\/0, p0\/1/,
    ],
    [
      'another prompt',
      (a) => ({ ...a, promptId: 'p9' }),
      /emitted sample p9\/1, .*: promptId and sampleIndex must not change/,
    ],
    ['nothing known', () => undefined, /emitted undefined, which is no sample/],
    ['an array', (a) => [a], /emitted an array, which is no sample/],
  ])('%s fails the unit', async (_, change, message) => {
    const { outputs, errors } = await run('advantages', advantages, second(change));
    expect(outputs).toEqual([]);
    expect(errors).toEqual(
      [0, 1].map((i) => expect.stringMatching(new RegExp(`^p0/${i} bad-output: .*${message.source}`))),
    );
  });

  it('before an error counts for nothing', async () => {
    const fails = () =>
      map((a: A): A => {
        if (a.sampleIndex === 1) throw new Error('out of luck');
        return a;
      });
    const { outputs, errors } = await run('advantages', advantages, fails);
    expect([outputs, errors]).toEqual([[], ['p0/0 failed: out of luck', 'p0/1 failed: out of luck']]);
  });
});

it('a transform of steps needs to know how many prompts they have', () =>
  expect(() => transform('verdicts', () => map((v) => v), { unit: 'step', onDeadLetter: () => {} })).toThrow(
    'prompts is undefined, expected a positive integer',
  ));
