import type { LossInput } from '../losses/expressions.js';
import { distillationProblem } from '../records/distillation.js';
import { UserError } from '../support/errors.js';
import type { JudgedGroup, JudgedSample, Method, ShapedSample } from './method.js';
import { hasAdvantage } from './parts/advantage.js';

/**
 * Checks that a group is what the method can work with.
 * @throws {UserError} `bad-scores` naming the sample: NaN, missing, or of another length.
 */
export function checkGroup({ teacher, usesUniformGroups }: Method, { samples }: JudgedGroup): void {
  for (const sample of samples) {
    if (!Number.isFinite(sample.reward)) throw badScores(sample, `reward ${sample.reward}`, 'a finite number');
    checkLength(sample, 'student scores', sample.studentLogprobs);
  }
  if (teacher.scores === 'none') return;
  const scored = usesUniformGroups || hasAdvantage(samples.map(({ reward }) => reward));
  for (const sample of samples) {
    const { teacherLogprobs, contrastLogprobs, teacherTop, mask } = sample;
    const missing = teacher.scores === 'topK' ? teacherTop === null : teacherLogprobs === null;
    if (missing && scored && teacher.context !== 'siblings')
      throw badScores(sample, 'no teacher scores', 'one per token');
    if (teacherLogprobs) checkTeacher(sample, teacherLogprobs);
    if (contrastLogprobs) checkTeacher(sample, contrastLogprobs);
    const problem = teacherTop && distillationProblem(teacherTop, mask.length);
    if (problem) throw new UserError('bad-scores', `sample ${sample.id}: teacher distribution: ${problem}`);
  }
}

/**
 * Checks what a method made of a group.
 * @throws {UserError} `bad-method` naming method, sample and field.
 */
export function checkShaped(method: Method, { samples }: JudgedGroup, shaped: readonly ShapedSample[]): void {
  if (shaped.length !== samples.length)
    throw new UserError(
      'bad-method',
      `method ${method.name}: shape returned ${shaped.length} samples for a group of ${samples.length}`,
    );
  for (const [i, sample] of samples.entries()) {
    const problem = shapedProblem(method, sample, memberOf(shaped, i));
    if (problem) throw new UserError('bad-method', `sample ${sample.id}: method ${method.name}: ${problem}`);
  }
}

/** The i-th member of an array that is known to have one. */
export function memberOf<T>(values: readonly T[], i: number): T {
  const value = values[i];
  if (value === undefined) throw new RangeError(`index ${i} is outside of ${values.length} values`);
  return value;
}

const distillationInputs: ReadonlySet<LossInput> = new Set(['targetTopLogprobs', 'targetTailLogprobs']);

function shapedProblem(
  { statistics, loss, keepsSign }: Method,
  { mask }: JudgedSample,
  { advantage, tokenAdvantages, tokenWeights, referenceLogprobs, distillation, stats }: ShapedSample,
): string | undefined {
  if (!Number.isFinite(advantage)) return `advantage: found ${advantage}, expected a finite number`;
  for (const [field, values] of Object.entries({ tokenAdvantages, tokenWeights, referenceLogprobs })) {
    if (!values) continue;
    if (values.length !== mask.length)
      return `${field}: found ${values.length} values, expected ${mask.length}, one per token`;
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) return `${field}: found ${values[at]} at token ${at}, expected a finite number`;
  }
  if (!distillation && loss.inputs.some((input) => distillationInputs.has(input)))
    return `distillation: is missing, but the loss ${loss.name} reads it`;
  const outside = tokenAdvantages.findIndex((value, t) => value !== 0 && !mask[t]);
  if (outside >= 0) return `tokenAdvantages: found ${tokenAdvantages[outside]} at masked token ${outside}, expected 0`;
  const turned = keepsSign ? tokenAdvantages.findIndex((value) => value * advantage < 0) : -1;
  if (turned >= 0)
    return (
      `tokenAdvantages: found ${tokenAdvantages[turned]} at token ${turned}, expected the sign of the sample's ` +
      `advantage ${advantage}, which the method declares to keep`
    );
  for (const [name, value] of Object.entries(stats)) {
    if (!Object.hasOwn(statistics, name)) return `stats.${name}: is not one of the method's declared statistics`;
    if (!Number.isFinite(value)) return `stats.${name}: found ${value}, expected a finite number`;
  }
  const problem = distillation && distillationProblem(distillation, mask.length);
  return problem && `distillation.${problem}`;
}

function checkTeacher(sample: JudgedSample, scores: ArrayLike<number>): void {
  checkLength(sample, 'teacher scores', scores);
  const { studentLogprobs } = sample;
  for (let t = 0; t < scores.length; t++) {
    const [student, teacher] = [studentLogprobs[t], scores[t]];
    if (typeof student !== 'number' || !Number.isFinite(student))
      throw badScores(sample, `student log-probability ${student} at token ${t}`, 'a finite number');
    if (typeof teacher !== 'number' || Number.isNaN(teacher) || teacher === Number.POSITIVE_INFINITY)
      throw badScores(sample, `teacher log-probability ${teacher} at token ${t}`, 'a number or -infinity');
  }
}

function checkLength(sample: JudgedSample, what: string, { length }: ArrayLike<number>): void {
  if (length !== sample.mask.length)
    throw badScores(sample, `${length} ${what}`, `${sample.mask.length}, one per token`);
}

const badScores = ({ id }: JudgedSample, found: string, expected: string) =>
  new UserError('bad-scores', `sample ${id}: found ${found}, expected ${expected}`);
