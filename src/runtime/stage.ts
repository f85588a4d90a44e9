import type { OperatorFunction } from 'rxjs';
import type { TopicRecords } from '../records/records.js';
import type { Position, TopicLog, TopicPartition } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';

/** What an operator is given of a topic at a time: one record, the samples of one prompt, or those of one training step. */
export type Unit = 'record' | 'group' | 'step';

/** Lets an operator write more than its output, in the same transaction. */
export interface Side {
  emit<K extends TopicName>(topic: K, record: TopicRecords[K]): void;
  /** The positions after the last record of the unit. */
  readonly consumed: readonly Position[];
}

export interface Stage<In extends TopicName, Out extends TopicName> {
  readonly name: string;
  readonly input: In;
  readonly output: Out;
  /** Names of the topics where they are not the record type's own: around a user's operator. */
  readonly inputTopic?: string;
  readonly outputTopic?: string;
  readonly unit: Unit;
  readonly operator: (side: Side) => OperatorFunction<TopicRecords[In], TopicRecords[Out]>;
  /** Records that may be read and not yet committed. */
  readonly credit: number;
  /** Units worked on at a time. */
  readonly concurrency: number;
  /** For unit `step`: how many prompts make a unit, to which unit a step belongs, and which unit may start now. */
  readonly steps?: {
    readonly prompts: number;
    readonly unitOf: (step: number) => number;
    readonly next: () => number;
  };
  /** Called before the first records after this process became the one that owns the topic, with no unit at work. */
  readonly begin?: () => Promise<void>;
  /** Units at work that wait for what other stages make. */
  readonly waiting?: () => number;
  /** Called after each commit. */
  readonly committed?: () => unknown;
  /** A unit that fails ends the run: there is no going on without it. */
  readonly vital?: boolean;
}

export interface StageStats {
  records: number;
  outputs: number;
  deadLetters: number;
  retries: number;
  inFlight: number;
  /** Units that the operator is at work on. */
  running: number;
  /** Nothing to read, or no credit to read with. */
  waiting: boolean;
  /** What is finished is on its way into the log. */
  committing: boolean;
  /** Wall time of the operator, summed over units. */
  seconds: number;
}

export interface RunningStage {
  readonly name: string;
  readonly stats: Readonly<StageStats>;
  /** Rejects when the stage cannot go on; resolves after `stop`. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Is told of a record that was put aside, and where it lies in its topic. */
export type OnDeadLetter = (stage: string, cause: string, error: string, at?: Position) => void;

export interface StageEnvironment {
  readonly log: TopicLog;
  readonly run: string;
  readonly attempts: number;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
  readonly observer?: StageObserver;
}

/** Is told what a stage does, for metrics and logs. */
export interface StageObserver {
  /** A unit was worked on. `tokens`: sampled, scored or trained on in it. */
  unit(stage: string, unit: { readonly records: number; readonly seconds: number; readonly tokens: number }): void;
  committed(stage: string, offsets: readonly Position[], appends: number): void;
  revoked(stage: string, partitions: readonly TopicPartition[]): void;
}
