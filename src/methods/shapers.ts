import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { type AdvantageScale, groupAdvantages } from './advantage.js';

/** What a shaper sees of one completion. All arrays have one entry a completion token. */
export interface ShapeSample {
  /** Names the sample in errors. */
  readonly id: string;
  readonly reward: number;
  readonly studentLogprobs: ArrayLike<number>;
  /** null where no teacher was asked. */
  readonly teacherLogprobs: ArrayLike<number> | null;
  /** 1: the token trains. */
  readonly mask: ArrayLike<number>;
  /** 1: the teacher may reweight the token. Default: everywhere. */
  readonly span?: ArrayLike<number>;
}

export interface Shaped {
  /** The sample's group-relative advantage. */
  readonly advantage: number;
  /** Float64, one a completion token, 0 outside the mask. */
  readonly tokenAdvantages: Float64Array;
  /** null where the shaper does not look at a teacher. */
  readonly stats: { readonly lambda: number; readonly clipped: number; readonly meanDelta: number } | null;
}

/** Turns a group's rewards, and perhaps a teacher's log-probabilities, into an advantage for each token. */
export interface Shaper {
  /** Name and content hash of the settings. */
  readonly id: string;
  readonly needsTeacher: boolean;
  shape(group: readonly ShapeSample[], step: number): Shaped[];
}

/** A number, or a straight line in training steps from `from` at step 0 to `to` at step `over`, constant after. */
export type Schedule = number | { readonly from: number; readonly to: number; readonly over: number };

export function scheduleAt(schedule: Schedule, step: number): number {
  if (typeof schedule === 'number') return schedule;
  const { from, to, over } = schedule;
  return step >= over ? to : from + (to - from) * (step / over);
}

/** `eps` means `[1 - eps, 1 + eps]`. */
export type Clip = number | readonly [low: number, high: number];

export interface GrpoSettings {
  readonly scale?: AdvantageScale;
}

export interface RlsdSettings extends GrpoSettings {
  /** Share of the teacher's weighting, in [0, 1]; 0 is GRPO. Default `{ from: 0.5, to: 0, over: 50 }`. */
  readonly lambda?: Schedule;
  /** Bounds of the evidence weight: eps in (0, 1), or 0 <= low <= 1 <= high. Default 0.2. */
  readonly clip?: Clip;
  /** Reweight only completions that did worse than their group. */
  readonly negativeOnly?: boolean;
}

/**
 * Uniform credit: each token gets its completion's group-relative advantage.
 * @see arXiv 2402.03300
 */
export function grpo(settings: GrpoSettings = {}): Shaper {
  const { scale = 'std' } = settings;
  return {
    id: `grpo@${digest(scale).slice(0, 16)}`,
    needsTeacher: false,
    shape(group) {
      const advantages = groupAdvantages(rewardsOf(group), scale);
      return group.map((sample, i) => {
        const advantage = advantages[i] ?? 0;
        checkMask(sample);
        const tokenAdvantages = Float64Array.from(sample.mask, (trains) => (trains ? advantage : 0));
        return { advantage, tokenAdvantages, stats: null };
      });
    },
  };
}

/**
 * RLSD: the reward sets the direction, the privileged self-teacher spreads it over the tokens.
 *
 * `A_t = A [(1 - lambda) + lambda clip(exp(sign(A) (log p_T - log p_S)), low, high)]`. A group without any advantage gives 0
 * whatever the teacher says, and needs no teacher's scores. A teacher's log-probability of -infinity is legal: the weight clips.
 *
 * @throws {UserError} `bad-settings`; `bad-scores` naming the sample, when a score is NaN or missing or the lengths differ.
 * @see arXiv 2604.03128
 */
export function rlsd(settings: RlsdSettings = {}): Shaper {
  const { lambda = { from: 0.5, to: 0, over: 50 }, clip = 0.2, negativeOnly = false, scale = 'std' } = settings;
  checkSettings(lambda, clip);
  const [low, high] = typeof clip === 'number' ? [1 - clip, 1 + clip] : clip;
  return {
    id: `rlsd@${digest(JSON.stringify([lambda, clip, negativeOnly, scale])).slice(0, 16)}`,
    needsTeacher: true,
    shape(group, step) {
      const advantages = groupAdvantages(rewardsOf(group), scale);
      const share = scheduleAt(lambda, step);
      return group.map((sample, i) => {
        const advantage = advantages[i] ?? 0;
        return reweigh(sample, advantage, { low, high, lambda: negativeOnly && advantage > 0 ? 0 : share });
      });
    },
  };
}

function reweigh(
  sample: ShapeSample,
  advantage: number,
  bounds: { low: number; high: number; lambda: number },
): Shaped {
  const { teacherLogprobs, mask, span } = sample;
  const { low, high, lambda } = bounds;
  checkMask(sample);
  const tokenAdvantages = new Float64Array(mask.length);
  if (teacherLogprobs === null) {
    if (advantage !== 0) throw badScores(sample, 'no teacher scores', 'one a token');
    return { advantage, tokenAdvantages, stats: { lambda, clipped: 0, meanDelta: 0 } };
  }
  if (teacherLogprobs.length !== mask.length)
    throw badScores(sample, `${teacherLogprobs.length} teacher scores`, `${mask.length}, one a token`);
  const sign = Math.sign(advantage);
  let clipped = 0;
  let sum = 0;
  let tokens = 0;
  for (let t = 0; t < mask.length; t++) {
    const delta = deltaAt(sample, teacherLogprobs, t);
    if (!mask[t]) continue;
    tokens++;
    if (Number.isFinite(delta)) sum += delta;
    if (sign === 0) continue;
    const weight = Math.exp(sign * delta);
    const bounded = Math.min(Math.max(weight, low), high);
    if (bounded !== weight) clipped++;
    const share = !span || span[t] ? lambda : 0;
    tokenAdvantages[t] = advantage * (1 - share + share * bounded);
  }
  const per = Math.max(tokens, 1);
  return { advantage, tokenAdvantages, stats: { lambda, clipped: clipped / per, meanDelta: sum / per } };
}

function deltaAt(sample: ShapeSample, teacherLogprobs: ArrayLike<number>, t: number): number {
  const student = sample.studentLogprobs[t];
  const teacher = teacherLogprobs[t];
  if (typeof student !== 'number' || !Number.isFinite(student))
    throw badScores(sample, `student log-probability ${student} at token ${t}`, 'a finite number');
  if (typeof teacher !== 'number' || Number.isNaN(teacher) || teacher === Number.POSITIVE_INFINITY)
    throw badScores(sample, `teacher log-probability ${teacher} at token ${t}`, 'a number or -infinity');
  return teacher - student;
}

function rewardsOf(group: readonly ShapeSample[]): number[] {
  for (const sample of group)
    if (!Number.isFinite(sample.reward)) throw badScores(sample, `reward ${sample.reward}`, 'a finite number');
  return group.map((sample) => sample.reward);
}

function checkMask(sample: ShapeSample): void {
  const { mask, studentLogprobs } = sample;
  if (mask.length !== studentLogprobs.length)
    throw badScores(sample, `${studentLogprobs.length} student scores`, `${mask.length}, one a token`);
}

const badScores = (sample: ShapeSample, found: string, expected: string) =>
  new UserError('bad-scores', `sample ${sample.id}: found ${found}, expected ${expected}`);

function checkSettings(lambda: Schedule, clip: Clip): void {
  const check = (field: string, found: unknown, fine: boolean, expected: string) => {
    if (fine) return;
    throw new UserError('bad-settings', `shape.rlsd.${field}: found ${JSON.stringify(found)}, expected ${expected}`);
  };
  const share = (x: number) => x >= 0 && x <= 1;
  check(
    'lambda',
    lambda,
    typeof lambda === 'number' ? share(lambda) : share(lambda.from) && share(lambda.to) && lambda.over > 0,
    'a number from 0 to 1, or { from, to, over } with both ends from 0 to 1 and over above 0',
  );
  check(
    'clip',
    clip,
    typeof clip === 'number'
      ? clip > 0 && clip < 1
      : clip[0] >= 0 && clip[0] <= 1 && clip[1] >= 1 && Number.isFinite(clip[1]),
    'a number between 0 and 1, or [low, high] with 0 <= low <= 1 <= high',
  );
}
