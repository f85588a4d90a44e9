import type { Policy } from '../../engines/policy.js';
import type { Trainer } from '../../operators/learn.js';
import type { Publisher } from '../../operators/publish-weights.js';
import type { PolicyVersion } from '../../operators/rollout.js';
import type { RecordedScores, TeacherSettings } from '../../operators/score-teacher.js';
import type { VerifySettings } from '../../operators/verify.js';
import type { PrivilegedStore } from '../../privileged/store.js';
import type { Position } from '../../topics/log.js';
import type { Verifier } from '../../verifiers/verifier.js';
import type { Sources } from '../feeds/sources.js';
import type { ContextEnvironment } from '../running/context.js';
import type { LeakMeter } from '../running/leak-meter.js';

/** What stages work with. A run opens only what the stages of its process need. */
export interface Resources {
  readonly source: Sources;
  readonly context: ContextEnvironment;
  readonly policy: Policy;
  /** What the teacher scores with: the policy, or a separate model, whose only version is 0. */
  readonly teacherPolicy: Policy;
  readonly versions: Versions;
  /** The verifier of an item's task. @throws {UserError} `no-task` */
  readonly verifier: (itemId: string) => Verifier;
  readonly references: VerifySettings['reference'];
  readonly teacher: Teachers;
  readonly leaks: LeakMeter;
  readonly trainer: RunTrainer;
}

export type ResourceName = keyof Resources;

/** Announces weights that are written, before the record that publishes them is committed. */
export type Announce = (version: number, announced: { readonly digest: string; readonly location: string }) => void;

/** Follows the `weights` topic and keeps the versions in use loaded in the policy. */
export interface Versions {
  /** Reads what was published since the last call. */
  refresh(): Promise<void>;
  /** Resolves to the newest version once it is at least `least`; loads nothing. */
  published(least: number): Promise<number>;
  /**
   * Takes weights that are in their folder and about to be published, so that sampling need not wait for their
   * checkpoint. Nothing they made may be committed before they are `published`.
   */
  announce: Announce;
  /** The newest version, published or announced and loaded, once it is at least `least`. */
  atLeast(least: number): Promise<PolicyVersion>;
  /** That version, loaded, once it is published. */
  at(version: number): Promise<PolicyVersion>;
  /** Folder of a published version, with the weights of its record; written first where that is not there. */
  folderOf(version: number): Promise<string>;
  /** SHA-256 of a version's weights, once it is published. */
  digestOf(version: number): Promise<string>;
  /** Loads a version that the run's own rules keep. */
  load(version: number): Promise<void>;
  /** Loads a version and keeps it until `unpin`. */
  pin(version: number): Promise<void>;
  unpin(version: number): void;
  /** Number of callers waiting for a version that is not published yet. */
  readonly waiting: () => number;
  /** The versions that callers wait for, the lowest first. */
  readonly awaited: () => readonly number[];
  close(): void;
}

/** A teacher's context and prompt. */
export type Teacher = Pick<TeacherSettings, 'privileged' | 'shuffled' | 'prompt' | 'templateHash'>;

/** The teachers of a pipeline's tasks. */
export interface Teachers {
  /** The teacher of an item's task. @throws {UserError} `no-task` */
  readonly of: (itemId: string) => Teacher;
  /** Looks up the context of any item, as its teacher does. */
  readonly privileged: PrivilegedStore;
  /** Follows the `privileged` topic to its end. */
  readonly catchUp: () => Promise<void>;
}

/** Figures of a training step, by name. */
export type StepFigures = Readonly<Record<string, number>>;

/** The learner of a run, its checkpoints and its publications. */
export interface RunTrainer {
  readonly learner: Trainer<StepFigures>;
  /** The publisher of one unit, given the offsets that the unit consumed. */
  readonly publisher: (offsets: () => readonly Position[], announce: Announce) => Publisher<StepFigures>;
  /** The next step to train. */
  readonly nextStep: () => number;
  /** Brings the learner to the committed weights, whichever process made them. */
  readonly takeOver: () => Promise<void>;
}

/** What a replay takes from a record instead of computing it again. */
export interface RecordedInputs {
  /** The version that sampled a prompt, where that was a matter of timing. */
  readonly sampledBy?: ((promptId: string) => number | undefined) | undefined;
  /** What the teacher was shown, and its scores where they would come out the same. */
  readonly scores?: RecordedScores | undefined;
}
