import type { Policy } from '../../engines/policy.js';
import type { Sources } from '../../pipelines/feeds/sources.js';
import type { Plan, PlanStage } from '../../pipelines/plan/plan.js';
import type { StageEvents } from '../../pipelines/stages/definition.js';
import type { RecordedInputs, Resources, Versions } from '../../pipelines/stages/resources.js';
import type { StageEnvironment } from '../../runtime/stage.js';
import type { TopicLog } from '../../topics/log.js';
import type { Verifier } from '../../verifiers/verifier.js';
import type { Disposers } from '../disposers.js';
import type { Manifest } from '../manifest/manifest.js';
import type { Observer } from '../observe.js';
import type { Recorded, RunEvent } from '../options.js';
import type { RunFiles } from '../weights/publisher.js';

/** Inputs for opening a run. */
export interface Opening {
  readonly plan: Plan;
  /** The run's folder. */
  readonly folder: string;
  /** Stages of this process. */
  readonly stages: readonly PlanStage[];
  readonly onEvent: (event: RunEvent) => void;
  readonly disposers: Disposers;
  readonly recorded: Recorded | undefined;
  /** Whether to take part in a run that was begun from another folder. */
  readonly join: boolean;
}

/** Open resources that the manifest describes. */
export interface RunInputs {
  /** By task. */
  readonly verifiers: ReadonlyMap<string, Verifier>;
  readonly source: Sources;
  readonly policy: Policy;
}

/** A run whose topics are open and claimed; its resources are opened from it. */
export interface ClaimedRun extends Opening {
  readonly inputs: RunInputs;
  readonly manifest: Manifest;
  /** The manifest of the existing run, if any. */
  readonly before: Manifest | undefined;
  readonly log: TopicLog;
  readonly files: RunFiles;
  readonly environment: StageEnvironment;
  /** Topics that this process may read. */
  readonly reads: ReadonlySet<string>;
  /** Whether to read the declared documents rather than recorded ones. */
  readonly readsDocuments: boolean;
  /** The day that chat templates print, of the run's first start. */
  readonly date: () => string;
}

/** What the stages of one learner work with. */
export interface OpenLearner {
  /** The plan with the learner's settings. */
  readonly plan: Plan;
  readonly versions: Versions;
  readonly resources: Partial<Resources>;
}

/** A run whose folder, topics and models are open. */
export interface OpenRun extends ClaimedRun {
  readonly resumed: boolean;
  readonly observer: Observer;
  readonly eventsOf: (stage: PlanStage) => StageEvents;
  /** The main learner and those of this process's stages, by name. */
  readonly learners: ReadonlyMap<string, OpenLearner>;
  readonly recordedInputs: RecordedInputs;
}
