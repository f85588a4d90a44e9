import type { Sources } from '../pipelines/feeds/sources.js';
import type { Components } from '../pipelines/plan/components.js';
import type { Plan } from '../pipelines/plan/plan.js';
import type { TaskEvaluation } from '../pipelines/running/evaluate.js';
import type { StepReport } from '../pipelines/running/step-metrics.js';
import type { RecordedInputs, Versions } from '../pipelines/stages/resources.js';
import type { TopicLog } from '../topics/log.js';
import type { Manifest, Parent } from './manifest/manifest.js';

/** The data set of a run that trains nothing. */
export interface Judged {
  /** Topic that contains it. */
  readonly topic: string;
  readonly prompts: number;
  readonly samples: number;
  readonly correct: number;
  /** Mean over the samples; null without any. */
  readonly reward: number | null;
}

/** What a run came to. */
export interface Summary {
  readonly run: string;
  readonly folder: string;
  readonly steps: number;
  readonly seconds: number;
  readonly heldOut: { readonly before: number | null; readonly after: number | null; readonly n: number };
  readonly weights: { readonly version: number; readonly digest: string; readonly path: string };
  readonly records: Readonly<Record<string, number>>;
  /** What was judged; null where the samples are trained on, and where this process does not read them. */
  readonly judged: Judged | null;
  /** Samples that came to the learner rather than to the dead letters; null where this process does not read them. */
  readonly samples: number | null;
}

export type RunEvent =
  | {
      readonly event: 'started';
      readonly run: string;
      readonly folder: string;
      /** null where nothing is trained. */
      readonly steps: number | null;
      readonly resumed: boolean;
    }
  | ({
      readonly event: 'step';
      readonly steps: number;
      /** Records that each stage has yet to commit. */
      readonly lag: Readonly<Record<string, number>>;
    } & StepReport)
  | ({ readonly event: 'heldOut'; readonly version: number } & TaskEvaluation)
  | { readonly event: 'alarm'; readonly stage: string; readonly step: number; readonly message: string }
  | { readonly event: 'deadLetter'; readonly stage: string; readonly cause: string; readonly error: string }
  /** Something that the run continues without, or that its pipeline should say differently. */
  | { readonly event: 'warning'; readonly message: string }
  | ({ readonly event: 'summary' } & Summary);

export interface RunOptions {
  readonly plan: Plan;
  /** Parts given as objects, in place of those that the plan names. */
  readonly components?: Components;
  /** The run's folder. */
  readonly folder: string;
  /** Stages to run in this process. Default: all of them. */
  readonly stages?: readonly string[];
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops the run cleanly; what was not committed is done again by the next start. */
  readonly signal?: AbortSignal;
  readonly recorded?: Recorded;
}

/** What a replay runs to, where that differs from a run. */
export interface RunGoal {
  /** Ends after this version; null: once its stages, in the order of the flow, have read all of their topics. */
  readonly until: number | null;
  /** Puts records into the topics while the stages run, no further ahead of the weights than unordered partitions allow. */
  readonly feed?: (log: TopicLog, published: Versions['published']) => Promise<void>;
}

/** What a replay takes from a record instead of making it. */
export interface Recorded extends RunGoal, Pick<RecordedInputs, 'sampledBy'> {
  readonly parent: Parent;
  readonly source: Sources;
  /** Puts the recorded records into the topics, before any stage starts. */
  readonly fill: (log: TopicLog, manifest: Manifest) => Promise<void>;
  /** Reads the declared documents, which are not those of the record. */
  readonly documents?: boolean;
  /** What the teacher was shown and said, given the digests of the weights of this replay. */
  readonly scores?: (digestOf: Versions['digestOf']) => Promise<NonNullable<RecordedInputs['scores']>>;
  /** Made to be compared and thrown away: emits no lineage. */
  readonly proof?: boolean;
}
