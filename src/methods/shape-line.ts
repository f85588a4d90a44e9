import { z } from 'zod';
import { UserError } from '../support/errors.js';
import { rlsd, scheduleAt } from './shapers.js';

// JSON has no infinities; a teacher's -infinity may be written as the text.
const score = z.union([z.number(), z.literal('-Infinity').transform(() => Number.NEGATIVE_INFINITY)], {
  error: 'expected a number or "-Infinity"',
});
const unit = z.number().min(0).max(1);

const line = z.strictObject({
  id: z.string(),
  rewards: z.array(z.number()).min(1),
  studentLogprobs: z.array(z.array(z.number())),
  teacherLogprobs: z.array(z.array(score)),
  mask: z.array(z.array(z.union([z.literal(0), z.literal(1)]))),
  step: z.int().min(0),
  lambda: z.union([unit, z.strictObject({ from: unit, to: unit, over: z.number().positive() })]).optional(),
  clip: z.union([z.number().gt(0).lt(1), z.tuple([z.number(), z.number()])]).optional(),
  negativeOnly: z.boolean().optional(),
  scale: z.enum(['std', 'center']).optional(),
  expected: z.unknown().optional(),
});

export interface ShapedLine {
  readonly id: string;
  readonly lambdaAtStep: number;
  readonly advantages: readonly number[];
  readonly tokenAdvantages: readonly (readonly number[])[];
}

/**
 * The RLSD advantages of one group given as data: rewards, log-probabilities and mask of its completions.
 * @param where for messages, such as `stdin:3`
 * @throws {UserError} naming line, field, found and expected
 */
export function shapeLine(input: unknown, where: string): ShapedLine {
  const parsed = line.safeParse(input);
  if (!parsed.success) {
    const id = (input as { id?: unknown } | null)?.id;
    const problems = parsed.error.issues.map(({ path, message }) => {
      const sample = typeof id === 'string' && typeof path[1] === 'number' ? `sample ${id}/${path[1]}: ` : '';
      const found = path.length > 0 ? `, found ${JSON.stringify(at(input, path)) ?? 'nothing'}` : '';
      return `${where}: ${sample}${path.join('.') || 'the line'}: ${message}${found}`;
    });
    throw new UserError('bad-line', problems.join('\n'));
  }
  const { id, rewards, studentLogprobs, teacherLogprobs, mask, step, lambda, clip, negativeOnly, scale } = parsed.data;
  for (const [field, found] of Object.entries({ studentLogprobs, teacherLogprobs, mask }))
    if (found.length !== rewards.length)
      throw new UserError(
        'bad-line',
        `${where}: ${field}: found ${found.length} completions, expected ${rewards.length} as in rewards`,
      );
  const schedule = lambda ?? { from: 0.5, to: 0, over: 50 };
  const group = rewards.map((reward, i) => ({
    id: `${id}/${i}`,
    reward,
    studentLogprobs: studentLogprobs[i] ?? [],
    teacherLogprobs: teacherLogprobs[i] ?? [],
    mask: mask[i] ?? [],
  }));
  try {
    const shaper = rlsd({
      lambda: schedule,
      ...(clip !== undefined && { clip }),
      ...(negativeOnly !== undefined && { negativeOnly }),
      ...(scale !== undefined && { scale }),
    });
    const shaped = shaper.shape(group, step);
    return {
      id,
      lambdaAtStep: scheduleAt(schedule, step),
      advantages: shaped.map(({ advantage }) => advantage),
      tokenAdvantages: shaped.map(({ tokenAdvantages }) => [...tokenAdvantages]),
    };
  } catch (error) {
    throw error instanceof UserError ? new UserError(error.code, `${where}: ${error.message}`) : error;
  }
}

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
