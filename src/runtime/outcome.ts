import { firstValueFrom } from 'rxjs';
import { causeOf, type Failure, runUnit, UnitFailed } from '../operators/dead-letter.js';
import type { TopicRecords } from '../records/records.js';
import { digest } from '../support/digest.js';
import { redactMessage } from '../support/secrets.js';
import { type Append, type LogRecord, LogUnavailableError, type Position } from '../topics/log.js';
import {
  FILTERED,
  gapAppend,
  gapOf,
  groupTopics,
  type Judged,
  judgedOf,
  type Place,
  placeOf,
  type TopicName,
  toAppend,
  traced,
} from '../topics/record-codec.js';
import type { Side, Stage, StageEnvironment, StageStats } from './stage.js';
import type { Entry, Work } from './work.js';

type Cause = Pick<Failure<unknown>, 'error' | 'cause' | 'attempts'>;

/** Turns units of work into what is appended for them: outputs of the operator, dead letters and gaps. */
export interface Outcomes<T> {
  /** Fills the appends of a unit. Rejects when the stage cannot continue without it, or is being stopped. */
  run(work: Work<T>): Promise<void>;
  deadLetter(record: LogRecord, cause: Cause): Append;
}

interface State<In extends TopicName, Out extends TopicName> {
  readonly stage: Stage<In, Out>;
  readonly environment: StageEnvironment;
  readonly stats: StageStats;
  readonly stopped: AbortSignal;
}

/** What one attempt of an operator made besides its outputs. */
interface Attempt {
  readonly appends: Append[];
  readonly rejected: Map<object, Error>;
}

export function outcomesOf<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
  stats: StageStats,
  stopped: AbortSignal,
): Outcomes<TopicRecords[In]> {
  const state: State<In, Out> = { stage, environment, stats, stopped };
  return {
    deadLetter: (record, failure) => deadLetter(state, record, failure),
    async run(work) {
      const values: TopicRecords[In][] = [];
      for (const { value } of work.entries) if (value !== null) values.push(value);
      // A training step is made even when all of its samples became dead letters: later steps wait for its weights.
      if (values.length > 0 || stage.steps) await operate(state, work, values);
      for (const { value, place, record } of work.entries)
        if (value === null)
          work.appends.push(...gaps(stage, place, record.headers.gap ?? 'no-value', gapOf(record)?.judged));
      work.appends = work.appends.map((append) => traced(append, traceOf(work, append.key), stage.name));
    },
  };
}

async function operate<In extends TopicName, Out extends TopicName>(
  state: State<In, Out>,
  work: Work<TopicRecords[In]>,
  values: readonly TopicRecords[In][],
): Promise<void> {
  const { stage, environment, stats, stopped } = state;
  const started = performance.now();
  let attempt: Attempt = { appends: [], rejected: new Map() };
  let tries = 0;
  let tokens = 0;
  const operator = () => {
    if (tries++ > 0) stats.retries++;
    attempt = { appends: [], rejected: new Map() };
    return stage.operator(sideOf(attempt, work));
  };
  try {
    const attempts = stage.vital ? 1 : environment.attempts;
    const outputs = await firstValueFrom(runUnit(values, operator, { attempts }));
    work.appends.push(...outputs.map((output) => toAppend(stage.output, output, topicOf(stage))), ...attempt.appends);
    stats.outputs += outputs.length;
    tokens = tokensIn(stage.output === 'rollouts' ? outputs : values);
    work.appends.push(...missing(state, work, outputs, attempt.rejected, tries));
  } catch (error) {
    if (!(error instanceof UnitFailed)) throw error;
    // A unit that fails because the run is being stopped is done again.
    if (stopped.aborted || stage.vital || error.failure.error instanceof LogUnavailableError) throw error.failure.error;
    for (const entry of work.entries) if (entry.value !== null) work.appends.push(...fail(state, entry, error.failure));
  }
  const seconds = (performance.now() - started) / 1000;
  stats.seconds += seconds;
  environment.observer?.unit(stage.name, { records: values.length, seconds, tokens });
}

function sideOf<T>(attempt: Attempt, { entries }: Work<T>): Side {
  return {
    emit: (topic, record) => void attempt.appends.push(toAppend(topic, record)),
    reject: (record, error) => void attempt.rejected.set(record, error),
    consumed: () => positionsAfter(entries.map(({ record }) => record)),
    gaps: () => entries.flatMap(({ record }) => gapOf(record) ?? []),
  };
}

/** The trace of a prompt: all of its samples have the same. */
const traceOf = <T>({ entries }: Work<T>, key: string): string | undefined =>
  entries.find(({ record }) => record.key === key)?.record.headers.traceparent;

/** Dead letters of what the operator rejected, and gaps where it left something out. */
function missing<In extends TopicName, Out extends TopicName>(
  state: State<In, Out>,
  work: Work<TopicRecords[In]>,
  outputs: readonly TopicRecords[Out][],
  rejected: ReadonlyMap<object, Error>,
  attempts: number,
): Append[] {
  const there = new Set(outputs.map((output) => keyOf(placeOf(output))));
  return work.entries.flatMap((entry) => {
    const { value, place } = entry;
    if (value === null) return [];
    const error = rejected.get(value);
    if (error) return fail(state, entry, { error, cause: causeOf(error), attempts });
    const complete = place?.sampleIndex === null ? outputs.length > 0 : there.has(keyOf(place));
    return complete ? [] : gaps(state.stage, place, FILTERED, judgedOf(value));
  });
}

const keyOf = (place: Place | undefined) => `${place?.promptId}/${place?.sampleIndex}`;

function fail<In extends TopicName, Out extends TopicName>(
  state: State<In, Out>,
  { record, place, value }: Entry<TopicRecords[In]>,
  failure: Cause,
): Append[] {
  const judged = value === null ? undefined : judgedOf(value);
  return [deadLetter(state, record, failure), ...gaps(state.stage, place, failure.cause, judged)];
}

function deadLetter<In extends TopicName, Out extends TopicName>(
  { stage, environment, stats }: State<In, Out>,
  record: LogRecord,
  { error, cause, attempts }: Cause,
): Append {
  const { topic, partition, offset, key, value, headers } = record;
  stats.deadLetters++;
  environment.onDeadLetter?.(stage.name, cause, error.message, record);
  return toAppend('dead-letters', {
    ...{ topic, partition, offset, key, value, headers },
    run: environment.run,
    id: digest(stage.name, topic, String(partition), String(offset)).slice(0, 16),
    stage: stage.name,
    cause,
    error: redactMessage(error.message),
    attempts,
    time: environment.now(),
  });
}

type OutputNames = Pick<Stage<TopicName, TopicName>, 'output' | 'outputTopic'>;

const topicOf = ({ output, outputTopic }: OutputNames): string => outputTopic ?? output;

/** A gap marker where the output topic needs one, so that groups and steps still complete. */
function gaps(stage: OutputNames, place: Place | undefined, cause: string, judged?: Judged): Append[] {
  return place && groupTopics.includes(stage.output) ? [gapAppend(topicOf(stage), { ...place, cause, judged })] : [];
}

function tokensIn(records: readonly object[]): number {
  return records.reduce((sum, record) => {
    const tokens = 'completionTokens' in record ? record.completionTokens : undefined;
    return tokens instanceof Uint8Array ? sum + tokens.byteLength / Int32Array.BYTES_PER_ELEMENT : sum;
  }, 0);
}

/** The next offset of each partition that the records are from. */
function positionsAfter(records: readonly LogRecord[]): Position[] {
  const next = new Map<number, Position>();
  for (const { topic, partition, offset } of records) {
    const known = next.get(partition);
    if (!known || offset >= known.offset) next.set(partition, { topic, partition, offset: offset + 1n });
  }
  return [...next.values()];
}
