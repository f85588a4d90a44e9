import { firstValueFrom } from 'rxjs';
import { type Failure, runUnit, UnitFailed } from '../operators/dead-letter.js';
import type { TopicRecords } from '../records/records.js';
import { digest } from '../support/digest.js';
import type { Append, LogRecord, Position } from '../topics/log.js';
import { gapAppend, groupTopics, type Place, type TopicName, toAppend, traced } from '../topics/record-codec.js';
import type { Stage, StageEnvironment, StageStats } from './stage.js';
import type { Work } from './window.js';

type Cause = Pick<Failure<unknown>, 'error' | 'cause' | 'attempts'>;

/** Turns units of work into what is appended for them: outputs of the operator, dead letters, gaps. */
export interface Outcomes<T> {
  /** Fills the appends of a unit. Rejects when the stage cannot go on without it, or is being stopped. */
  run(work: Work<T>): Promise<void>;
  deadLetter(record: LogRecord, cause: Cause): Append;
}

export function outcomesOf<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
  stats: StageStats,
  stopped: AbortSignal,
): Outcomes<TopicRecords[In]> {
  type Input = TopicRecords[In];
  const outputTopic = stage.outputTopic ?? stage.output;
  const keepsGroups = groupTopics.includes(stage.output);

  const gap = (place: Place | undefined, cause: string): Append[] =>
    keepsGroups && place ? [gapAppend(outputTopic, { ...place, cause })] : [];

  const deadLetter = (record: LogRecord, failure: Cause): Append => {
    stats.deadLetters++;
    environment.onDeadLetter?.(stage.name, failure.cause, failure.error.message, record);
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
      if (stopped.aborted || stage.vital) throw error.failure.error;
      for (const entry of work.entries)
        if (entry.value !== null)
          work.appends.push(deadLetter(entry.record, error.failure), ...gap(entry.place, error.failure.cause));
    }
    const seconds = (performance.now() - started) / 1000;
    stats.seconds += seconds;
    environment.observer?.unit(stage.name, { records: values.length, seconds, tokens });
  };

  return {
    deadLetter,
    async run(work) {
      const values = work.entries.flatMap((entry) => (entry.value === null ? [] : [entry.value]));
      // A training step is made even when all of its samples became dead letters: the steps after it wait for its weights.
      if (values.length > 0 || stage.steps) await operate(work, values);
      for (const { value, place, record } of work.entries)
        if (value === null) work.appends.push(...gap(place, record.headers.gap ?? 'no-value'));
      const traces = new Map(work.entries.map(({ record }) => [record.key, record.headers.traceparent]));
      work.appends = work.appends.map((append) => traced(append, traces.get(append.key), stage.name));
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
