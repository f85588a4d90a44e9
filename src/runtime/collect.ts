import type { TopicRecords } from '../records/records.js';
import { UserError } from '../support/errors.js';
import type { LogRecord } from '../topics/log.js';
import { fromRecord, headerPlace, type Place, placeOf, type TopicName } from '../topics/record-codec.js';
import type { Outcomes } from './outcome.js';
import type { Stage } from './stage.js';
import { type Entry, join, newWork, type Work } from './window.js';

/** Collects records into units of work. */
export interface Collector<T> {
  /** The record in its unit; one that cannot be read becomes a dead letter there. */
  collect(record: LogRecord): Entry<T>;
  /** Takes the next unit that is complete and may start. */
  next(): Work<T> | undefined;
  /** Complete units that have not started. */
  waiting(): number;
  /** Forgets a unit whose partition was taken away. */
  drop(work: Work<T>): void;
}

export function collector<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  { deadLetter }: Pick<Outcomes<TopicRecords[In]>, 'deadLetter'>,
): Collector<TopicRecords[In]> {
  type Input = TopicRecords[In];
  const groupsInUnit = stage.steps?.prompts ?? 1;
  const open = new Map<string, Work<Input>>();
  const ready: Work<Input>[] = [];

  const workOf = (record: LogRecord, place: Place | undefined): Work<Input> => {
    if (stage.unit === 'record' || !place) return newWork(`${record.partition}@${record.offset}`, 0);
    const step = stage.steps?.unitOf(place.step) ?? 0;
    const key = stage.unit === 'group' ? place.promptId : String(step);
    const work = open.get(key) ?? newWork<Input>(key, step);
    if (stage.steps && step < stage.steps.next()) work.finished = true;
    return work;
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

  return {
    collect(record) {
      const entry = read(record);
      const { work } = entry;
      join(entry);
      if (work.finished) return entry;
      if (stage.unit === 'record' || work.groups === groupsInUnit) {
        open.delete(work.key);
        ready.push(work);
      } else open.set(work.key, work);
      return entry;
    },
    next() {
      const step = stage.steps?.next();
      const at = step === undefined ? 0 : ready.findIndex((work) => work.step === step);
      return at < 0 ? undefined : ready.splice(at, 1)[0];
    },
    waiting: () => ready.length,
    drop(work) {
      open.delete(work.key);
      const at = ready.indexOf(work);
      if (at >= 0) ready.splice(at, 1);
    },
  };
}
