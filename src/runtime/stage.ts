import type { OperatorFunction } from 'rxjs';
import type { Unit } from '../operators/internal/unit.js';
import type { TopicRecords } from '../records/records.js';
import type { Position, TopicLog, TopicPartition } from '../topics/log.js';
import type { Gap, TopicName } from '../topics/record-codec.js';

export type { Unit } from '../operators/internal/unit.js';

/** Lets an operator do more than emit its output, in the same transaction. */
export interface Side {
  /** Appends a record to another topic. */
  emit<K extends TopicName>(topic: K, record: TopicRecords[K]): void;
  /** Makes a dead letter of one of the unit's records; the others continue. */
  reject(record: object, error: Error): void;
  /** Samples of the unit that an earlier stage left out. */
  gaps(): readonly Gap[];
  /** The positions after the last record of the unit. */
  consumed(): readonly Position[];
}

export interface Stage<In extends TopicName, Out extends TopicName> {
  readonly name: string;
  readonly input: In;
  readonly output: Out;
  /** Names of the topics where they differ from the record types. */
  readonly inputTopic?: string;
  readonly outputTopic?: string;
  readonly unit: Unit;
  readonly operator: (side: Side) => OperatorFunction<TopicRecords[In], TopicRecords[Out]>;
  /** Records that may be read and not yet committed. */
  readonly credit: number;
  /** Units processed at a time. */
  readonly concurrency: number;
  /** For unit `step`. */
  readonly steps?: StepUnits;
  /** Called before the first records after this process became the owner of the topic, with no unit running. */
  readonly begin?: (environment: StageEnvironment) => Promise<void>;
  /** How many running units wait for other stages. */
  readonly waiting?: () => number;
  /** Called after each commit. */
  readonly committed?: () => unknown;
  /** Whether a failed unit ends the run instead of becoming a dead letter. */
  readonly vital?: boolean;
}

/** How training steps form units. A unit is committed as soon as it is finished, though later steps may overlap it. */
export interface StepUnits {
  /** Prompts per unit. */
  readonly prompts: number;
  /** The unit of a step. */
  readonly unitOf: (step: number) => number;
  /** Whether a unit was committed before; its records are skipped. */
  readonly isPast: (unit: number) => boolean;
  readonly mayStart: (unit: number) => boolean;
}

export interface StageStats {
  records: number;
  outputs: number;
  deadLetters: number;
  retries: number;
  /** Records read and not committed. */
  readonly inFlight: number;
  /** Units that the operator is working on. */
  running: number;
  /** Whether there is nothing to read, or no credit to read with. */
  waiting: boolean;
  committing: boolean;
  /** Wall time of the operator, summed over units. */
  seconds: number;
}

/** Something that a stage has begun and not finished. */
export interface Pending {
  /** Such as `works on step 4, prompt s3`. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface RunningStage {
  readonly name: string;
  readonly stats: Readonly<StageStats>;
  /** Rejects when the stage cannot continue; resolves after `stop`. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
  /** What it has in work or waits for; nothing where it has read its topic to the end and finished. */
  pending(): readonly Pending[];
}

/** Receives each dead letter, and the position of its record. */
export type OnDeadLetter = (stage: string, cause: string, error: string, at?: Position) => void;

export interface StageEnvironment {
  readonly log: TopicLog;
  readonly run: string;
  /** Attempts per unit before its records become dead letters. */
  readonly attempts: number;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
  readonly observer?: StageObserver;
}

/** Receives what a stage does, for metrics and logs. */
export interface StageObserver {
  /** A unit was processed. `tokens`: how many were sampled, scored or trained on. */
  unit(stage: string, unit: { readonly records: number; readonly seconds: number; readonly tokens: number }): void;
  committed(stage: string, offsets: readonly Position[], appends: number): void;
  revoked(stage: string, partitions: readonly TopicPartition[]): void;
}
