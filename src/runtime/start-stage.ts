import { type CreditGate, creditGate } from '../operators/internal/credit-gate.js';
import type { TopicRecords } from '../records/records.js';
import type { Consumer, LogRecord, TopicPartition } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';
import { type Collector, collector } from './collector.js';
import { type Committer, committer } from './committer.js';
import { type Outcomes, outcomesOf } from './outcome.js';
import type { Pending, RunningStage, Stage, StageEnvironment, StageStats } from './stage.js';
import { nameOfWork, type Work } from './work.js';

/** Records per poll at most. */
const POLL_RECORDS = 512;
const POLL_MS = 1000;
/** Committed records of each partition that a stage remembers when it starts. */
const RECALLED = 1000n;

/** A stage at work. `T`: the records of its input topic. */
interface State<T> {
  readonly stage: Pick<Stage<TopicName, TopicName>, 'name' | 'concurrency' | 'begin' | 'unit'>;
  readonly environment: StageEnvironment;
  /** Its input topic. */
  readonly topic: string;
  readonly consumer: Consumer;
  readonly abort: AbortController;
  readonly stats: StageStats;
  readonly gate: CreditGate;
  readonly outcomes: Outcomes<T>;
  readonly units: Collector<T>;
  readonly commits: Committer<T>;
  /** Running units, including those of revoked partitions. */
  readonly active: Set<Work<T>>;
  /** Partitions revoked since the last poll. */
  readonly revoked: Set<number>;
  /** Partitions whose last committed records are remembered. */
  readonly recalled: Set<number>;
  begun: boolean;
  /** Ends the stage with an error. */
  fail: (error: unknown) => void;
}

/**
 * Runs a stage: reads its topic within its credit, collects units, runs the operator on each, and commits outputs and
 * offsets together. After a crash, what was not committed is done again.
 *
 * @throws {RangeError} unless the stage's credit is a positive integer.
 */
export async function startStage<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
): Promise<RunningStage> {
  const state = await openStage(stage, environment);
  const { abort, gate, consumer, stats } = state;
  const ended = new Promise<void>((resolve, reject) => {
    state.fail = reject;
    pump(state).then(resolve, reject);
  });
  const stop = () => {
    abort.abort();
    gate.wake();
  };
  ended.catch(stop);
  return {
    name: stage.name,
    stats,
    ended,
    pending: () => pendingOf(state),
    async stop() {
      stop();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}

async function openStage<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
): Promise<State<TopicRecords[In]>> {
  type Input = TopicRecords[In];
  const { log, observer } = environment;
  const topic = stage.inputTopic ?? stage.input;
  const gate = creditGate(stage.credit);
  const stats = newStats(gate);
  const abort = new AbortController();
  const active = new Set<Work<Input>>();
  const consumer = await log.consumer(stage.name, [topic]);
  const outcomes = outcomesOf(stage, environment, stats, abort.signal);
  const units = collector(stage, outcomes, environment.now);
  const onForgotten = (work: Work<Input>) => {
    // Work that waits for newer weights must not block others once its outcome is of no use.
    if (!work.revoked && active.has(work)) stats.running--;
    work.revoked = true;
    units.drop(work);
  };
  const commits = committer<Input>({ stage, topic, consumer, stats, gate, observer, onForgotten });
  const state: State<Input> = {
    ...{ stage, environment, topic, consumer, abort, stats, gate, outcomes, units, commits, active },
    revoked: new Set(),
    recalled: new Set(),
    begun: false,
    fail: () => {},
  };
  consumer.onRevoked((partitions) => onRevoked(state, partitions));
  return state;
}

export function newStats(gate: Pick<CreditGate, 'taken'>): StageStats {
  return {
    records: 0,
    outputs: 0,
    deadLetters: 0,
    retries: 0,
    get inFlight() {
      return gate.taken;
    },
    running: 0,
    waiting: false,
    committing: false,
    seconds: 0,
  };
}

function pendingOf<T>({ stage, active, units }: State<T>): Pending[] {
  const working = [...active].map((work) => ({ what: `works on ${nameOfWork(stage.unit, work)}`, since: work.since }));
  return [...working, ...units.open()].sort((a, b) => a.since - b.since);
}

function onRevoked<T>(state: State<T>, partitions: readonly TopicPartition[]): void {
  state.begun = false;
  for (const { partition } of partitions) {
    state.revoked.add(partition);
    state.recalled.delete(partition);
    state.commits.forget(partition);
  }
  state.environment.observer?.revoked(state.stage.name, partitions);
}

/** Reads and starts units until the stage is stopped. */
async function pump<T>(state: State<T>): Promise<void> {
  const { abort, gate, units, commits } = state;
  while (!abort.signal.aborted) {
    if (gate.free <= 0) {
      await waitForCredit(state);
      continue;
    }
    await begin(state);
    const records = await poll(state);
    await begin(state);
    await recall(state, records);
    // Skip records of partitions revoked during `begin`; the new owner reads them again.
    for (const record of records) if (!state.revoked.has(record.partition)) commits.admit(units.collect(record));
    startWork(state);
    if (records.length > 0) commits.commit().catch(state.fail);
  }
}

async function waitForCredit<T>({ stage, stats, gate, units }: State<T>): Promise<void> {
  if (stats.running === 0 && units.waiting() === 0 && !stats.committing)
    throw new Error(
      `stage ${stage.name}: its credit of ${gate.limit} records is full of incomplete units; ${units.describeOpen()}`,
    );
  stats.waiting = true;
  await gate.changed();
  stats.waiting = false;
}

async function poll<T>({ consumer, stats, gate, abort, revoked }: State<T>): Promise<LogRecord[]> {
  stats.waiting = true;
  const records = await consumer.poll(Math.min(gate.free, POLL_RECORDS), POLL_MS, abort.signal);
  stats.waiting = false;
  revoked.clear();
  return records;
}

/** Calls the stage's `begin` once this process owns the topic and no unit of an earlier owner is running. */
async function begin<T>(state: State<T>): Promise<void> {
  const { stage, environment, consumer, active, abort, gate } = state;
  if (state.begun || !stage.begin || consumer.assigned().length === 0) return;
  while (active.size > 0 && !abort.signal.aborted) await gate.changed();
  state.begun = true;
  await stage.begin(environment);
}

/** Remembers the records committed before the first new ones, to recognise copies of them. */
async function recall<T>(
  { environment: { log }, topic, units, recalled }: State<T>,
  records: readonly LogRecord[],
): Promise<void> {
  for (const { partition, offset: end } of records) {
    if (recalled.has(partition)) continue;
    recalled.add(partition);
    const from = end > RECALLED ? end - RECALLED : 0n;
    for (const record of await log.read(topic, partition, from, Number(end - from)))
      if (record.offset < end) units.recall(record);
  }
}

function startWork<T>(state: State<T>): void {
  const { stage, stats, units, active, environment } = state;
  while (stats.running < stage.concurrency) {
    const work = units.next();
    if (!work) return;
    stats.running++;
    work.since = environment.now();
    active.add(work);
    run(state, work).catch(state.fail);
  }
}

async function run<T>(state: State<T>, work: Work<T>): Promise<void> {
  const { outcomes, active, stats, commits } = state;
  try {
    await outcomes.run(work);
  } catch (error) {
    if (!work.revoked) throw error;
  }
  work.finished = true;
  active.delete(work);
  if (!work.revoked) stats.running--;
  startWork(state);
  await commits.commit();
}
