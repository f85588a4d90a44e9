import { z } from 'zod';
import { UserError } from '../support/errors.js';
import { placeOf, settingProblems, valueAt } from '../support/settings.js';
import { bindMethod } from './bind.js';
import { memberOf } from './check-group.js';
import type { JudgedGroup, MethodDefinition } from './method.js';
import { methods } from './registry.js';
import { rlsdDefinition } from './rlsd.js';
import { findMethod } from './shape-spec.js';

// JSON has no infinities; a teacher's -infinity may be written as text.
const score = z.union([z.number(), z.literal('-Infinity').transform(() => Number.NEGATIVE_INFINITY)], {
  error: 'expected a number or "-Infinity"',
});

const line = z.looseObject({
  id: z.string(),
  method: z.string().default(rlsdDefinition.name),
  rewards: z.array(z.number()).min(1),
  studentLogprobs: z.array(z.array(z.number())),
  teacherLogprobs: z.array(z.array(score)).optional(),
  contrastLogprobs: z.array(z.array(score)).optional(),
  truncated: z.array(z.boolean()).optional(),
  mask: z.array(z.array(z.union([z.literal(0), z.literal(1)]))),
  step: z.int().min(0),
  expected: z.unknown().optional(),
});

export interface ShapedLine {
  readonly id: string;
  readonly advantages: readonly number[];
  readonly tokenAdvantages: readonly (readonly number[])[];
  /** Values of the method's schedules at the step, such as `lambdaAtStep`. */
  readonly [schedule: `${string}AtStep`]: number;
}

/**
 * Shapes one group given as data: rewards, log-probabilities and mask of its completions, and the settings of the
 * method next to them. The default method is `rlsd`.
 *
 * @param where for messages, such as `stdin:3`
 * @throws {UserError} naming line, field, found and expected
 * @example shapeLine({ id: 'a', method: 'grpo', rewards: [1, 0], studentLogprobs: [[-1], [-1]], mask: [[1], [1]], step:
 * 0 }, 'stdin:1')
 */
export function shapeLine(input: unknown, where: string, registry: readonly MethodDefinition[] = methods): ShapedLine {
  const parsed = line.safeParse(input);
  if (!parsed.success) {
    const problems = settingProblems(parsed.error.issues, line, input);
    const lines = problems.map(({ path, message }) => `${where}: ${fieldOf(path, input)}: ${message}`);
    throw new UserError('bad-line', lines.join('\n'));
  }
  const { id, method: name, rewards, studentLogprobs, mask, step, expected: _, ...optional } = parsed.data;
  const { teacherLogprobs, contrastLogprobs, truncated, ...rest } = optional;
  const perSample = { studentLogprobs, mask, teacherLogprobs, contrastLogprobs, truncated };
  for (const [field, found] of Object.entries(perSample))
    if (found && found.length !== rewards.length)
      throw new UserError(
        'bad-line',
        `${where}: ${field}: found ${found.length} completions; expected ${rewards.length} as in rewards`,
      );
  const group: JudgedGroup = {
    samples: rewards.map((reward, i) => ({
      id: `${id}/${i}`,
      reward,
      completionTokens: new Int32Array(memberOf(mask, i).length),
      studentLogprobs: memberOf(studentLogprobs, i),
      truncated: truncated ? memberOf(truncated, i) : false,
      teacherLogprobs: teacherLogprobs ? memberOf(teacherLogprobs, i) : null,
      contrastLogprobs: contrastLogprobs ? memberOf(contrastLogprobs, i) : null,
      teacherTop: null,
      mask: memberOf(mask, i),
    })),
  };
  try {
    const method = bindMethod(findMethod(name, registry), renamed(rest));
    const shaped = method.shape(group, step);
    const schedules = Object.entries(method.schedules?.(step) ?? {});
    return {
      id,
      ...Object.fromEntries(schedules.map(([schedule, value]) => [`${schedule}AtStep`, value])),
      advantages: shaped.map(({ advantage }) => advantage),
      tokenAdvantages: shaped.map(({ tokenAdvantages }) => [...tokenAdvantages]),
    };
  } catch (error) {
    throw error instanceof UserError ? new UserError(error.code, `${where}: ${error.message}`) : error;
  }
}

/** Lines may write `clip` for `weightClip`, as the first release did. */
function renamed({ clip, ...settings }: Readonly<Record<string, unknown>>): object {
  return clip === undefined ? settings : { weightClip: clip, ...settings };
}

/** The place of a field, and the sample that it belongs to. */
function fieldOf(path: readonly PropertyKey[], input: unknown): string {
  const id = valueAt(input, ['id']);
  const sample = typeof id === 'string' && typeof path[1] === 'number' ? `sample ${id}/${path[1]}: ` : '';
  return `${sample}${placeOf('', path) || 'the line'}`;
}
