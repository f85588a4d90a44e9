import { firstValueFrom, type OperatorFunction } from 'rxjs';
import { digest } from '../digest.js';
import { UserError } from '../errors.js';
import { type Failure, runUnit, UnitFailed } from '../operators/dead-letter.js';
import {
  type Append,
  FencedError,
  type LogRecord,
  type Position,
  type TopicLog,
  type TopicPartition,
} from '../topics/log.js';
import type { TopicRecords } from '../topics/records.js';
import { cleanCut, type Entry, finishedCut, join, newWork, type Work } from './window.js';
import {
  fromRecord,
  gapAppend,
  groupTopics,
  headerPlace,
  type Place,
  placeOf,
  type TopicName,
  toAppend,
  traced,
} from './wire.js';

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

export interface StageEnvironment {
  readonly log: TopicLog;
  readonly run: string;
  readonly attempts: number;
  readonly now: () => number;
  readonly onDeadLetter?: (stage: string, cause: string, error: string) => void;
  readonly observer?: StageObserver;
}

/** Is told what a stage does, for metrics and logs. */
export interface StageObserver {
  /** A unit was worked on. `tokens`: sampled, scored or trained on in it. */
  unit(stage: string, unit: { readonly records: number; readonly seconds: number; readonly tokens: number }): void;
  committed(stage: string, offsets: readonly Position[], appends: number): void;
  revoked(stage: string, partitions: readonly TopicPartition[]): void;
}

/**
 * Runs a stage: reads its topic within its credit, collects units, runs the operator on each, and commits outputs and offsets in
 * one transaction, in the order of the input, at offsets where no unit is cut in two. What was not committed is done again after
 * a crash. Steps may overlap in their topic, so they commit as they finish, and records of a step that is past are passed over.
 */
export async function startStage<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
): Promise<RunningStage> {
  type Input = TopicRecords[In];
  const inputTopic = stage.inputTopic ?? stage.input;
  const outputTopic = stage.outputTopic ?? stage.output;
  const keepsGroups = groupTopics.includes(stage.output);
  const groupsInUnit = stage.steps?.prompts ?? 1;
  const abort = new AbortController();
  const stats: StageStats = {
    records: 0,
    outputs: 0,
    deadLetters: 0,
    retries: 0,
    inFlight: 0,
    running: 0,
    waiting: false,
    seconds: 0,
  };
  const windows = new Map<number, Entry<Input>[]>();
  const open = new Map<string, Work<Input>>();
  const ready: Work<Input>[] = [];
  /** Units at work, those of partitions that were taken away among them. */
  const active = new Set<Work<Input>>();
  const lost = new Set<number>();
  let begun = false;
  let committing = false;
  let moreToCommit = false;
  let changed = () => {};
  let fail = (_: unknown) => {};

  const consumer = await environment.log.consumer(stage.name, [inputTopic]);
  consumer.onRevoked((partitions) => {
    begun = false;
    for (const { partition } of partitions) {
      lost.add(partition);
      forget(partition);
    }
    environment.observer?.revoked(stage.name, partitions);
  });

  const begin = async () => {
    if (begun || !stage.begin || consumer.assigned().length === 0) return;
    while (active.size > 0 && !abort.signal.aborted) await change();
    begun = true;
    await stage.begin();
  };
  const change = () =>
    new Promise<void>((resolve) => {
      changed = resolve;
    });

  const pump = async () => {
    while (!abort.signal.aborted) {
      const free = stage.credit - stats.inFlight;
      if (free <= 0) {
        if (stats.running === 0 && ready.length === 0 && !committing)
          throw new Error(`stage ${stage.name}: its credit of ${stage.credit} records is full of incomplete groups`);
        stats.waiting = true;
        await change();
        stats.waiting = false;
        continue;
      }
      await begin();
      stats.waiting = true;
      lost.clear();
      const records = await consumer.poll(Math.min(free, 512), 1000, abort.signal);
      stats.waiting = false;
      await begin();
      // What was taken away while the stage began comes again to whoever has it now.
      for (const record of records) if (!lost.has(record.partition)) admit(record);
      startWork();
      if (records.length > 0) await commit();
    }
  };

  const admit = (record: LogRecord) => {
    const entry = read(record);
    const { work } = entry;
    const window = windows.get(record.partition) ?? [];
    windows.set(record.partition, window);
    window.push(entry);
    stats.inFlight++;
    join(entry);
    if (work.finished) return;
    if (stage.unit === 'record' || work.groups === groupsInUnit) {
      open.delete(work.key);
      ready.push(work);
    } else open.set(work.key, work);
  };

  const read = (record: LogRecord): Entry<Input> => {
    if (record.value === null) {
      const place = headerPlace(record);
      return { record, value: null, place, work: workOf(record, place) };
    }
    try {
      const value = fromRecord(stage.input, { ...record, value: record.value });
      const place = placeOf(value);
      return { record, value, place, work: workOf(record, place) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const cause = error instanceof UserError ? error.code : 'undecodable';
      const place = headerPlace(record);
      const work = workOf(record, place);
      if (!work.finished) work.appends.push(deadLetter(record, { error, cause, attempts: 1 }));
      return { record: { ...record, headers: { ...record.headers, gap: cause } }, value: null, place, work };
    }
  };

  const workOf = (record: LogRecord, place: Place | undefined): Work<Input> => {
    if (stage.unit === 'record' || !place) return newWork(`${record.partition}@${record.offset}`, 0);
    const step = stage.steps?.unitOf(place.step) ?? 0;
    const key = stage.unit === 'group' ? place.promptId : String(step);
    const work = open.get(key) ?? newWork<Input>(key, step);
    if (stage.steps && step < stage.steps.next()) work.finished = true;
    return work;
  };

  const startWork = () => {
    while (stats.running < stage.concurrency) {
      const next = stage.steps?.next();
      const at = next === undefined ? 0 : ready.findIndex((work) => work.step === next);
      const [work] = at < 0 ? [] : ready.splice(at, 1);
      if (!work) return;
      if (work.revoked) continue;
      stats.running++;
      active.add(work);
      runWork(work)
        .catch((error) => {
          if (!work.revoked) throw error;
        })
        .then(() => {
          work.finished = true;
          active.delete(work);
          if (!work.revoked) stats.running--;
          startWork();
          return commit();
        })
        .catch(fail);
    }
  };

  const runWork = async (work: Work<Input>) => {
    const values = work.entries.flatMap((entry) => (entry.value === null ? [] : [entry.value]));
    // A training step is made even when all of its samples became dead letters: the steps after it wait for its weights.
    if (values.length > 0 || stage.steps) await operate(work, values);
    for (const { value, place, record } of work.entries)
      if (value === null) work.appends.push(...gap(place, record.headers.gap ?? 'no-value'));
    const traces = new Map(work.entries.map(({ record }) => [record.key, record.headers.traceparent]));
    work.appends = work.appends.map((append) => traced(append, traces.get(append.key), stage.name));
  };

  const operate = async (work: Work<Input>, values: readonly Input[]) => {
    const started = performance.now();
    const consumed = positionsAfter(work.entries.map((entry) => entry.record));
    let side: Append[] = [];
    let tokens = 0;
    let tries = 0;
    const operator = () => {
      if (tries++ > 0) stats.retries++;
      side = [];
      return stage.operator({ emit: (topic, record) => void side.push(toAppend(topic, record)), consumed });
    };
    try {
      const attempts = stage.vital ? 1 : environment.attempts;
      const outputs = await firstValueFrom(runUnit(values, operator, { attempts }));
      work.appends.push(...outputs.map((output) => toAppend(stage.output, output, outputTopic)), ...side);
      stats.outputs += outputs.length;
      tokens = tokensIn(stage.output === 'rollouts' ? outputs : values);
      if (outputs.length === 0 && stage.unit === 'record')
        work.appends.push(...gap(work.entries[0]?.place, 'filtered'));
    } catch (error) {
      if (!(error instanceof UnitFailed)) throw error;
      // What fails because the run is being stopped is not the record's fault; it is done again.
      if (abort.signal.aborted) throw error.failure.error;
      if (stage.vital) throw error.failure.error;
      for (const entry of work.entries)
        if (entry.value !== null)
          work.appends.push(deadLetter(entry.record, error.failure), ...gap(entry.place, error.failure.cause));
    }
    const seconds = (performance.now() - started) / 1000;
    stats.seconds += seconds;
    environment.observer?.unit(stage.name, { records: values.length, seconds, tokens });
  };

  const gap = (place: Place | undefined, cause: string): Append[] =>
    keepsGroups && place ? [gapAppend(outputTopic, { ...place, cause })] : [];

  const deadLetter = (record: LogRecord, failure: Pick<Failure<unknown>, 'error' | 'cause' | 'attempts'>): Append => {
    stats.deadLetters++;
    environment.onDeadLetter?.(stage.name, failure.cause, failure.error.message);
    return toAppend('dead-letters', {
      run: environment.run,
      id: digest(stage.name, record.topic, String(record.partition), String(record.offset)).slice(0, 16),
      stage: stage.name,
      cause: failure.cause,
      error: failure.error.message,
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      key: record.key,
      value: record.value,
      headers: record.headers,
      attempts: failure.attempts,
      time: environment.now(),
    });
  };

  const commit = async () => {
    // Work that finishes while a commit is under way is seen by one more round.
    moreToCommit = true;
    if (committing) return;
    committing = true;
    try {
      while (moreToCommit) {
        moreToCommit = false;
        if (await commitFinished()) moreToCommit = true;
      }
    } finally {
      committing = false;
      changed();
    }
  };

  /** Commits what is finished of all partitions in one transaction; resolves to whether there was anything. */
  const commitFinished = async (): Promise<boolean> => {
    const cuts = [...windows].flatMap(([partition, window]) => cutOf(partition, window));
    if (cuts.length === 0) return false;
    const works = [...new Set(cuts.flatMap(({ works }) => works))];
    const appends = works.flatMap((work) => work.appends);
    const offsets = cuts.map(({ partition, offset }) => ({ topic: inputTopic, partition, offset }));
    try {
      await consumer.commit({ appends, offsets });
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      // What was taken away is forgotten by now. The rest goes again, unless the member still seems to own all of it.
      const gone = cuts.filter(({ partition, window }) => windows.get(partition) !== window);
      if (gone.length === 0) for (const { partition } of cuts) forget(partition);
      return true;
    }
    for (const work of works) work.appends = [];
    for (const { partition, window, cut } of cuts) {
      if (windows.get(partition) !== window) continue;
      window.splice(0, cut);
      stats.inFlight -= cut;
      stats.records += cut;
    }
    environment.observer?.committed(stage.name, offsets, appends.length);
    return true;
  };

  const cutOf = (partition: number, window: Entry<Input>[]) => {
    const [first] = window;
    if (!first) return [];
    const cut = stage.steps ? finishedCut(window) : cleanCut(window);
    const done = stage.steps ? window.filter((entry) => entry.work.finished) : window.slice(0, cut);
    const works = [...new Set(done.map((entry) => entry.work))].filter((work) => work.appends.length > 0);
    if (cut === 0 && works.length === 0) return [];
    const last = window[cut - 1];
    return [{ partition, window, cut, works, offset: last ? last.record.offset + 1n : first.record.offset }];
  };

  const forget = (partition: number) => {
    const window = windows.get(partition) ?? [];
    windows.delete(partition);
    stats.inFlight -= window.length;
    for (const { work } of window) {
      // Work that waits for newer weights must not keep others from their turn once its outcome is of no use.
      if (!work.revoked && active.has(work)) stats.running--;
      work.revoked = true;
      open.delete(work.key);
    }
    changed();
  };

  const ended = new Promise<void>((resolve, reject) => {
    fail = reject;
    pump().then(resolve, reject);
  });
  ended.catch(() => {
    abort.abort();
    changed();
  });

  return {
    name: stage.name,
    stats,
    ended,
    async stop() {
      abort.abort();
      changed();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}

function tokensIn(records: readonly unknown[]): number {
  return records.reduce<number>((sum, record) => {
    const { completionTokens } = record as { completionTokens?: Uint8Array };
    return sum + (completionTokens?.byteLength ?? 0) / 4;
  }, 0);
}

/** The next offset of each partition that the records are from. */
function positionsAfter(records: readonly LogRecord[]): Position[] {
  const next = new Map<number, Position>();
  for (const { topic, partition, offset } of records)
    if (offset >= (next.get(partition)?.offset ?? 0n)) next.set(partition, { topic, partition, offset: offset + 1n });
  return [...next.values()];
}
