import type { Sources } from '../pipelines/feeds/sources.js';
import type { Components } from '../pipelines/plan/components.js';
import type { Plan } from '../pipelines/plan/plan.js';
import type { TaskEvaluation } from '../pipelines/running/evaluate.js';
import type { StepReport } from '../pipelines/running/step-metrics.js';
import type { RecordedInputs, Versions } from '../pipelines/stages/resources.js';
import type { IngestCounts } from '../privileged/sources/ingest.js';
import type { TopicLog } from '../topics/log.js';
import type { Manifest, Parent } from './manifest/manifest.js';
import type { Stall } from './stall.js';

/** The resulting data set of a run without training. */
export interface Judged {
  /** Topic that contains it. */
  readonly topic: string;
  readonly prompts: number;
  readonly samples: number;
  readonly correct: number;
  /** Mean over the samples; null without any. */
  readonly reward: number | null;
}

/** Held-out accuracy, from 0 to 1: of the base model and of the newest weights. null where they were not measured. */
export interface HeldOutAccuracy {
  readonly before: number | null;
  readonly after: number | null;
  /** Held-out prompts that the newest weights were measured on. */
  readonly n: number;
}

/**
 * How much of a run could be learned from, over all its steps and processes. In a run without training, what its judged
 * samples could teach.
 */
export interface Signal {
  readonly groups: number;
  /** Groups with a token that has a gradient. */
  readonly groupsWithSignal: number;
  /** Judged samples, trained on or not. */
  readonly samples: number;
  readonly unparseable: number;
  /** Samples that ended at the token limit. */
  readonly truncated: number;
  /** Samples that became dead letters on their way, judged or not. */
  readonly lost: number;
  /** Samples that a teacher scored. */
  readonly teacherAsked: number;
  /** Share of the tokens with a gradient whose advantage the teacher changed by over 5 %; null without such tokens. */
  readonly teacherMoved: number | null;
  /** Whether the newest weights differ from the base model's; null without training. */
  readonly weightsChanged: boolean | null;
}

/** Mean reward of all judged samples, and of the first and last tenth of the steps. */
export interface RewardSummary {
  readonly mean: number;
  readonly first: number;
  readonly last: number;
}

/** What a learner has reached. */
export interface Learned {
  /** In a pipeline with `tasks`, also that of each task. */
  readonly heldOut: HeldOutAccuracy & { readonly tasks?: Readonly<Record<string, HeldOutAccuracy>> };
  readonly weights: { readonly version: number; readonly digest: string; readonly path: string };
  /** In a pipeline with `tasks`, also that of each task; null if no step was made or this process does not read it. */
  readonly reward: (RewardSummary & { readonly tasks?: Readonly<Record<string, RewardSummary>> }) | null;
  /** null if this process does not read what it follows from. */
  readonly signal: Signal | null;
}

/** Result of a run. */
export interface Summary extends Learned {
  readonly run: string;
  readonly folder: string;
  readonly steps: number;
  readonly seconds: number;
  /** In a pipeline with `learners`, those whose stages this process ran. */
  readonly learners?: Readonly<Record<string, Learned>>;
  readonly records: Readonly<Record<string, number>>;
  /** What this process read from the declared document sources; absent if there are none or it does not read them. */
  readonly documents?: IngestCounts;
  /** The judged samples; null if they are trained on or if this process does not read them. */
  readonly judged: Judged | null;
  /** Samples that reached the learner instead of the dead letters; null if this process does not read them. */
  readonly samples: number | null;
}

export type RunEvent =
  | {
      readonly event: 'started';
      readonly run: string;
      readonly folder: string;
      /** null without training. */
      readonly steps: number | null;
      readonly resumed: boolean;
    }
  | ({
      readonly event: 'step';
      /** Of a learner besides the main one. */
      readonly learner?: string;
      readonly steps: number;
      /** Records that each stage has yet to commit. */
      readonly lag: Readonly<Record<string, number>>;
    } & StepReport)
  | ({ readonly event: 'heldOut'; readonly learner?: string; readonly version: number } & TaskEvaluation)
  | { readonly event: 'alarm'; readonly stage: string; readonly step: number; readonly message: string }
  | { readonly event: 'deadLetter'; readonly stage: string; readonly cause: string; readonly error: string }
  /** A problem that does not stop the run, or a deprecated setting of its pipeline. */
  | { readonly event: 'warning'; readonly message: string }
  /** Nothing was finished for a while; said again every ten minutes. */
  | ({ readonly event: 'stalled' } & Stall)
  /** Something was finished again, after so many seconds. */
  | { readonly event: 'moving'; readonly seconds: number }
  | ({ readonly event: 'summary' } & Summary);

export interface RunOptions {
  readonly plan: Plan;
  /** Components passed as objects; they replace those named in the plan. */
  readonly components?: Components;
  /** The run's folder. */
  readonly folder: string;
  /** Stages to run in this process. Default: all of them. */
  readonly stages?: readonly string[];
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops the run cleanly; the next start repeats uncommitted work. */
  readonly signal?: AbortSignal;
  readonly recorded?: Recorded;
  /**
   * Takes part in the run of this name on a cluster, whoever began it, or begins it. Default: only if it was begun from
   * this folder.
   */
  readonly join?: boolean;
  /** Ends on `signal` only, not with the run: for a supervisor that restarts every process that exits. */
  readonly stay?: boolean;
}

/** Goal of a replay, where it differs from that of a run. */
export interface RunGoal {
  /** Ends after this version; null: once all stages, in flow order, have drained their topics. */
  readonly until: number | null;
  /** Feeds records into the topics while stages run, only as far ahead of the weights as unordered partitions allow. */
  readonly feed?: (log: TopicLog, published: Versions['published']) => Promise<void>;
}

/** Recorded results that a replay reuses instead of computing them. */
export interface Recorded extends RunGoal, Pick<RecordedInputs, 'sampledBy'> {
  readonly parent: Parent;
  readonly source: Sources;
  /** Copies the recorded records into the topics before any stage starts. */
  readonly fill: (log: TopicLog, manifest: Manifest) => Promise<void>;
  /** Reads the declared documents instead of the recorded ones. */
  readonly documents?: boolean;
  /** Recorded teacher contexts and scores, given the weight digests of this replay. */
  readonly scores?: (digestOf: Versions['digestOf']) => Promise<NonNullable<RecordedInputs['scores']>>;
  /** The day that the recorded run's chat template printed. */
  readonly date?: string;
  /** A temporary run for comparison; emits no lineage. */
  readonly proof?: boolean;
}
