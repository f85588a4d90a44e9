import { from, lastValueFrom, type Observable, of, toArray } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { bindMethod } from '../../src/methods/bind.js';
import { grpo } from '../../src/methods/grpo.js';
import type { Method, ShapedSample } from '../../src/methods/method.js';
import { rlsd } from '../../src/methods/rlsd.js';
import { shapeAdvantage } from '../../src/operators/shape-advantage.js';
import { float32Array } from '../../src/records/arrays.js';
import { distillationTargets } from '../../src/records/distillation.js';
import type { Advantage, TeacherScore, Verdict } from '../../src/records/records.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

const all = <T>(stream: Observable<T>): Promise<T[]> => lastValueFrom(stream.pipe(toArray()));
const verdicts = (): Verdict[] => [1, 0].map((reward, i) => verdictOf(rolloutOf(promptOf(0), i, 2), reward));

/** Gives each sample the same fields. */
const giving = (fields: Partial<ShapedSample>): Method =>
  bindMethod(
    {
      name: 'giving',
      summary: '',
      settings: z.strictObject({}),
      statistics: { zeal: '' },
      create: () => ({
        teacher: { scores: 'none' },
        usesUniformGroups: true,
        shape: ({ samples }) =>
          samples.map(() => ({ advantage: 2, tokenAdvantages: Float64Array.of(2, -1), stats: {}, ...fields })),
      }),
    },
    {},
  );

describe('shapeAdvantage', () => {
  it('writes everything that the method gives into the record', async () => {
    const targets = {
      k: 1,
      topIds: Int32Array.of(5, 6),
      topLogprobs: Float32Array.of(-0.5, -0.25),
      tailLogprobs: Float32Array.of(-2, -3),
    };
    const method = giving({
      tokenWeights: Float32Array.of(1, 0.5),
      referenceLogprobs: Float32Array.of(-1, -2),
      distillation: targets,
      stats: { zeal: 7 },
    });
    for (const record of await all(from(verdicts()).pipe(shapeAdvantage(method)))) {
      const { tokenAdvantages, tokenWeights, referenceLogprobs, distillation, ...rest } = record;
      expect(
        [tokenAdvantages, tokenWeights, referenceLogprobs].map((bytes) => bytes && [...float32Array(bytes)]),
      ).toEqual([
        [2, -1],
        [1, 0.5],
        [-1, -2],
      ]);
      expect(distillation && distillationTargets(distillation)).toEqual(targets);
      expect(rest).toMatchObject({ advantage: 2, stats: { zeal: 7 }, shaper: method.id, teacherVersion: null });
    }
  });

  it('leaves out what the method does not give', async () => {
    const [record] = await all(from(verdicts()).pipe(shapeAdvantage(grpo())));
    expect(record).toMatchObject({ tokenWeights: null, referenceLogprobs: null, distillation: null, stats: {} });
  });

  it('fails on the first verdict where the method needs a teacher', async () => {
    const method: Method = rlsd();
    const [incomplete] = verdicts();
    if (!incomplete) throw new Error('no verdict');
    await expect(all(of(incomplete).pipe(shapeAdvantage(method)))).rejects.toMatchObject({
      code: 'no-teacher',
      message:
        'sample p0/0: found a verdict without teacher scores, which rlsd needs; put scoreTeacher between verify and shapeAdvantage',
    });
  });

  it('names the sample of which the method makes no sense', async () => {
    const method = giving({ tokenAdvantages: Float64Array.of(1) });
    await expect(all(from(verdicts()).pipe(shapeAdvantage(method)))).rejects.toMatchObject({
      code: 'bad-method',
      message: 'sample p0/0: method giving: tokenAdvantages: found 1 values, expected 2, one per token',
    });
  });

  it('takes verdicts or teacher scores as the type of the method says', () => {
    const judged = from(verdicts());
    expectTypeOf(judged.pipe(shapeAdvantage(grpo()))).toEqualTypeOf<Observable<Advantage>>();
    expectTypeOf(shapeAdvantage(rlsd())).parameter(0).toEqualTypeOf<Observable<TeacherScore>>();
    expectTypeOf(shapeAdvantage(grpo())).parameter(0).toEqualTypeOf<Observable<Verdict>>();
    // @ts-expect-error rlsd needs teacher scores, which verdicts do not have
    judged.pipe(shapeAdvantage(rlsd()));
  });
});
