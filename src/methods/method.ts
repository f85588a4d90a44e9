import type { z } from 'zod';
import type { Loss } from '../losses/loss.js';
import type { DistillationTargets } from '../records/distillation.js';
import type { Verdict } from '../records/records.js';

/** The method learns from rewards alone; the pipeline has no teacher stage. */
export interface NoTeacher {
  readonly scores: 'none';
}

/** The teacher scores each completion before the method sees it. */
export interface TeacherScores {
  /** Log-probabilities of the sampled tokens, or the distribution over the `k` likeliest tokens at each position. */
  readonly scores: 'sampled' | 'topK';
  /** Required for `topK`. `all`: the whole vocabulary. */
  readonly k?: number | 'all';
  /** A snapshot of the policy itself, or another model. */
  readonly model: 'self' | 'separate';
  /**
   * What the teacher sees besides the student's prompt: the privileged context, a text made from the group's own
   * verdicts (`siblingContext`), or nothing.
   */
  readonly context: 'privileged' | 'siblings' | 'none';
  /** For `context: 'privileged'` and `sampled` scores: score under another prompt's context, too. */
  readonly contrast?: 'shuffled';
}

/** What a method asks of a teacher. */
export type TeacherNeed = NoTeacher | TeacherScores;

/** One completion as a method sees it. Per-token arrays have one entry per completion token. */
export interface JudgedSample {
  /** `PROMPT/INDEX`; names the sample in errors. */
  readonly id: string;
  readonly reward: number;
  readonly completionTokens: Int32Array;
  /** Whether the token limit ended the completion. */
  readonly truncated: boolean;
  /** 1: the token is trained on. */
  readonly mask: ArrayLike<number>;
  /** Log-probabilities under the policy that sampled the completion. */
  readonly studentLogprobs: ArrayLike<number>;
  /** null where the teacher did not score the sample. -infinity is legal. */
  readonly teacherLogprobs: ArrayLike<number> | null;
  /** The teacher's log-probabilities under a contrasting context; null where the method asks for none. */
  readonly contrastLogprobs: ArrayLike<number> | null;
  /** null unless the method asks for `topK` scores. */
  readonly teacherTop: DistillationTargets | null;
}

/** The judged completions of one prompt. */
export interface JudgedGroup {
  readonly samples: readonly JudgedSample[];
  /** Ids of the student's prompt; absent in `rlsd shape`. */
  readonly promptTokens?: Int32Array;
  /** Text of tokens, for methods that look for something in it. */
  readonly decode?: (tokens: Int32Array) => string;
}

/** What one completion is trained on. Per-token arrays have one entry per completion token. */
export interface ShapedSample {
  /** The sample's advantage before it is spread over tokens; 0 where the method has none. */
  readonly advantage: number;
  /** 0 outside the mask. */
  readonly tokenAdvantages: Float64Array;
  /** Loss weights; left out: 1 everywhere. */
  readonly tokenWeights?: Float32Array;
  readonly distillation?: DistillationTargets;
  readonly referenceLogprobs?: Float32Array;
  /** Values of the method's statistics. A name may be missing where the sample has no value. */
  readonly stats: Readonly<Record<string, number>>;
}

/** Text for the teacher, made from the other completions of a group. */
export interface SiblingContext {
  readonly text: string;
  /** A second text whose scores are compared with those under `text`. */
  readonly contrast?: string;
}

/** What a method does, whatever it is called. */
export interface MethodBehavior<Need extends TeacherNeed = TeacherNeed> {
  readonly teacher: Need;
  /** What the learner minimizes. Default: the clipped policy loss. */
  readonly loss?: Loss;
  /**
   * false: a group of equal rewards has no training signal, so the teacher skips it and the learner leaves out samples
   * whose token advantages are all 0.
   */
  readonly usesUniformGroups: boolean;
  /** Whether no token's advantage may have the opposite sign of its sample's; one that has is refused. */
  readonly keepsSign?: boolean;
  /** For `context: 'siblings'`. null: this sample is not scored. */
  readonly siblingContext?: (group: readonly Verdict[], sample: Verdict) => SiblingContext | null;
  /** Values of the method's schedules at a training step, by name. */
  readonly schedules?: (step: number) => Readonly<Record<string, number>>;
  /** @param step training step, from 0 */
  readonly shape: (group: JudgedGroup, step: number) => readonly ShapedSample[];
}

/** A method bound to its settings: plain data and pure functions. */
export interface Method<Need extends TeacherNeed = TeacherNeed> extends MethodBehavior<Need> {
  readonly name: string;
  readonly loss: Loss;
  /** `NAME@HASH` of the settings, and of the module that a user's method is from. */
  readonly id: string;
  /** What each statistic means, by name. */
  readonly statistics: Readonly<Record<string, string>>;
}

/**
 * Describes a method: a name, settings and a function that makes the method from checked settings. The pipeline file,
 * its JSON Schema, the documentation and `rlsd shape` follow from it.
 */
export interface MethodDefinition<
  Settings extends z.ZodType = z.ZodType,
  Need extends TeacherNeed = TeacherNeed,
  Name extends string = string,
> {
  /** Lower-case letters, digits, `-` and `+`. */
  readonly name: Name;
  /** One sentence for tables. */
  readonly summary: string;
  /** Each field described with `.describe()`; the texts go into the JSON Schema and the documentation. */
  readonly settings: Settings;
  /** Statistics that `shape` may return, by name; their means per step go into the `metrics` topic under that name. */
  readonly statistics: Readonly<Record<string, string>>;
  // Method syntax, so that a list takes definitions of any settings.
  create(settings: z.output<Settings>): MethodBehavior<Need>;
  /** What the settings hash is made from. Default, and where settings refer to secrets: the settings as JSON. */
  fingerprint?(settings: z.output<Settings>): string;
}

/** Whether a method needs scores from a teacher. */
export function asksTeacher(method: Method): method is Method<TeacherScores> {
  return method.teacher.scores !== 'none';
}

/** Whether the method's teacher sees the privileged context. */
export function readsPrivileged({ teacher }: Pick<Method, 'teacher'>): boolean {
  return teacher.scores !== 'none' && teacher.context === 'privileged';
}
