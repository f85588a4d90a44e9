import { causeOf } from '../operators/dead-letter.js';
import { arrive, describeProgress, isComplete } from '../operators/internal/unit.js';
import type { TopicRecords } from '../records/records.js';
import { UserError } from '../support/errors.js';
import type { LogRecord } from '../topics/log.js';
import { fromRecord, headerPlace, type Place, placeOf, type TopicName } from '../topics/record-codec.js';
import type { Outcomes } from './outcome.js';
import type { Pending, Stage } from './stage.js';
import { type Entry, nameOfWork, newWork, type Work } from './work.js';

/** Sorts records into units of work. */
export interface Collector<T> {
  /** Adds a record to its unit. One that cannot be used becomes a dead letter. */
  collect(record: LogRecord): Entry<T>;
  /** Remembers the unit of a record that was committed before, to recognise copies of it. */
  recall(record: LogRecord): void;
  /** Takes the next complete unit that may start. */
  next(): Work<T> | undefined;
  /** Complete units that have not started. */
  waiting(): number;
  /** Forgets a unit whose partition was revoked. */
  drop(work: Work<T>): void;
  /** The units that lack records, for messages. */
  describeOpen(): string;
  /** The units that lack records, the oldest first, with what they have. */
  open(): readonly Pending[];
}

/** Keys of completed units that are remembered, to recognise late duplicates. */
const REMEMBERED = 100_000;

interface Decoded<T> {
  readonly value: T | null;
  readonly place: Place | undefined;
  readonly failure?: Error;
}

/** @throws never: a record that cannot be decoded has a `failure`. */
export function decode<K extends TopicName>(topic: K, record: LogRecord): Decoded<TopicRecords[K]> {
  const { value: bytes, headers } = record;
  if (bytes === null) {
    const place = headerPlace(record);
    if (place || headers.gap !== undefined) return { value: null, place };
    return {
      value: null,
      place,
      failure: new UserError('no-value', 'the record has neither a value nor a gap header'),
    };
  }
  try {
    const value = fromRecord(topic, { value: bytes, headers });
    return { value, place: placeOf(value) };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const failure = error instanceof UserError ? error : undecodable(error);
    return { value: null, place: headerPlace(record), failure };
  }
}

const undecodable = (error: Error) => new UserError('undecodable', error.message);

interface Units<T> {
  readonly open: Map<string, Work<T>>;
  readonly ready: Work<T>[];
  /** Oldest first. */
  readonly completed: Set<string>;
}

export function collector<In extends TopicName, Out extends TopicName>(
  stage: Pick<Stage<In, Out>, 'input' | 'unit' | 'steps'>,
  { deadLetter }: Pick<Outcomes<TopicRecords[In]>, 'deadLetter'>,
  now: () => number = () => 0,
): Collector<TopicRecords[In]> {
  type Input = TopicRecords[In];
  const { steps } = stage;
  const units: Units<Input> = { open: new Map(), ready: [], completed: new Set() };

  /** Adds the record as a unit of its own that needs no work: all there is to do is to commit its offset. */
  const settle = (record: LogRecord, place: Place | undefined, error?: Error): Entry<Input> => {
    const work = newWork<Input>(ownKey(record));
    work.finished = true;
    if (error) work.appends.push(deadLetter(record, { error, cause: causeOf(error), attempts: 1 }));
    return enter(work, { record, value: null, place });
  };

  const alone = (record: LogRecord, { value, place, failure }: Decoded<Input>): Entry<Input> => {
    const key = place ? sampleKey(place) : ownKey(record);
    if (place && units.completed.has(key)) return settle(record, place, failure ?? duplicate(place));
    const work = newWork<Input>(key, 0, 1, now());
    complete(units, work);
    if (!failure) return enter(work, { record, value, place });
    work.appends.push(deadLetter(record, { error: failure, cause: causeOf(failure), attempts: 1 }));
    return enter(work, { record: asGap(record, failure), value, place });
  };

  const inUnit = (record: LogRecord, { value, failure }: Decoded<Input>, place: Place): Entry<Input> => {
    const step = steps?.unitOf(place.step) ?? 0;
    if (steps?.isPast(step)) return settle(record, place);
    const key = steps ? String(step) : place.promptId;
    const work = units.open.get(key) ?? newWork<Input>(key, step, steps?.prompts, now());
    try {
      if (units.completed.has(key) || !arrive(work.progress, place)) throw duplicate(place);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return settle(record, place, failure ?? error);
    }
    if (failure) work.appends.push(deadLetter(record, { error: failure, cause: causeOf(failure), attempts: 1 }));
    const entry = enter(work, { record: failure ? asGap(record, failure) : record, value, place });
    if (isComplete(work.progress)) complete(units, work);
    else units.open.set(key, work);
    return entry;
  };

  return {
    collect(record) {
      const decoded = decode(stage.input, record);
      const { place, failure } = decoded;
      if (stage.unit === 'record') return alone(record, decoded);
      return place ? inUnit(record, decoded, place) : settle(record, place, failure);
    },
    recall(record) {
      const place = headerPlace(record);
      // Steps know by themselves which of them are past.
      if (place && !steps) remember(units, stage.unit === 'record' ? sampleKey(place) : place.promptId);
    },
    next() {
      const at = steps ? units.ready.findIndex((work) => steps.mayStart(work.step)) : 0;
      return at < 0 ? undefined : units.ready.splice(at, 1)[0];
    },
    waiting: () => units.ready.length,
    drop(work) {
      units.open.delete(work.key);
      units.completed.delete(work.key);
      const at = units.ready.indexOf(work);
      if (at >= 0) units.ready.splice(at, 1);
    },
    describeOpen: () => describeOpen(stage.unit, units.open),
    open: () =>
      [...units.open.values()].map((work) => ({
        what: `waits for ${nameOfWork(stage.unit, work)}: ${describeProgress(work.progress)}`,
        since: work.since,
      })),
  };
}

const sampleKey = ({ promptId, sampleIndex }: Place): string => `${promptId}/${sampleIndex}`;
const ownKey = ({ partition, offset }: LogRecord) => `${partition}@${offset}`;

/** What cannot be decoded leaves a gap, which names the cause. */
const asGap = (record: LogRecord, failure: Error): LogRecord => ({
  ...record,
  headers: { ...record.headers, gap: causeOf(failure) },
});

function enter<T>(work: Work<T>, { record, value, place }: Omit<Entry<T>, 'work' | 'takesCredit'>): Entry<T> {
  const entry = { record, value, place, takesCredit: !work.finished, work };
  work.entries.push(entry);
  return entry;
}

function complete<T>(units: Units<T>, work: Work<T>): void {
  units.open.delete(work.key);
  units.ready.push(work);
  remember(units, work.key);
}

function remember<T>({ completed }: Units<T>, key: string): void {
  completed.add(key);
  if (completed.size <= REMEMBERED) return;
  const [oldest] = completed;
  if (oldest !== undefined) completed.delete(oldest);
}

function duplicate({ promptId, sampleIndex }: Place): UserError {
  const what = sampleIndex === null ? `the group of prompt ${promptId}` : `sample ${promptId}/${sampleIndex}`;
  return new UserError('duplicate', `${what} has arrived before; the first record counts`);
}

function describeOpen<T>(unit: string, open: ReadonlyMap<string, Work<T>>): string {
  const named = [...open.values()]
    .slice(0, 3)
    .map(({ key, progress }) => `${unit} ${key}: ${describeProgress(progress)}`);
  return named.join('; ') + (open.size > named.length ? `; and ${open.size - named.length} more` : '');
}
