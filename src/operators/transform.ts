import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  from,
  map,
  mergeAll,
  mergeMap,
  type Observable,
  type OperatorFunction,
  of,
  toArray,
} from 'rxjs';
import type { TopicRecords } from '../records/records.js';
import { type Unpacked, unpack } from '../records/unpacked.js';
import { UserError } from '../support/errors.js';
import { type AttemptSettings, causeOf, type Failure, runUnit, UnitFailed } from './dead-letter.js';
import { groupSamples } from './group-samples.js';
import { checkSample, type GroupTopic } from './internal/check-sample.js';
import { collectSteps } from './internal/collect-steps.js';
import { duration, positiveInteger } from './internal/settings.js';
import type { Unit } from './internal/unit.js';

export { type GroupTopic, groupTopics } from './internal/check-sample.js';

/** A record as a transform sees it: `Int32Array` and `Float32Array` in place of bytes. */
export type Sample<T extends GroupTopic> = Unpacked<TopicRecords[T]>;

/** Makes the operator for one unit. It is called again for the next unit, and for a retry. */
export type TransformOperator<T extends GroupTopic> = () => OperatorFunction<Sample<T>, Sample<T>>;

export interface TransformOptions {
  /** What the operator sees as one stream: a record, the group of a prompt, or a training step. Default `group`. */
  readonly unit?: Unit;
  /**
   * Whether the operator may leave samples out. Default false: a sample that it does not emit becomes a dead letter.
   */
  readonly drops?: boolean;
}

/** A user's operator behind a topic. */
export interface Transform<T extends GroupTopic = GroupTopic> {
  readonly topic: T;
  readonly name: string;
  readonly operator: TransformOperator<T>;
  readonly unit: Unit;
  readonly drops: boolean;
}

/**
 * A transform for the plan of a pipeline.
 *
 * @throws {RangeError} unless the name can be part of a topic's name.
 * @example
 * defineTransform('verdicts', 'halve', () => map((verdict) => ({ ...verdict, reward: verdict.reward / 2 })));
 */
export function defineTransform<T extends GroupTopic>(
  topic: T,
  name: string,
  operator: TransformOperator<T>,
  { unit = 'group', drops = false }: TransformOptions = {},
): Transform {
  if (!/^[\w-]+$/.test(name))
    throw new RangeError(`the transform's name is ${JSON.stringify(name)}, expected letters, digits, - and _`);
  const transform: Transform<T> = { topic, name, operator, unit, drops };
  // Plans list transforms of several topics, and each one only ever gets samples of its own.
  return transform as unknown as Transform;
}

/**
 * Runs a transform on one unit: its source is the unit. The operator sees the samples ordered by prompt and sample, in
 * a stream that completes. What it emits is checked and put in the same order. A sample whose output cannot be used
 * goes to
 * `reject`; the others continue.
 *
 * @throws {UserError} `bad-output` on the stream, for an output that belongs to no sample of the unit.
 */
export function transformUnit<T extends GroupTopic>(
  transform: Pick<Transform<T>, 'topic' | 'operator' | 'drops'>,
  reject: (record: TopicRecords[T], error: UserError) => void,
): OperatorFunction<TopicRecords[T], TopicRecords[T]> {
  const run = (unit: readonly TopicRecords[T][]): Observable<TopicRecords[T]> => {
    if (unit.length === 0) return EMPTY;
    const inputs = unit.toSorted((a, b) => Number(a.sequence - b.sequence) || a.sampleIndex - b.sampleIndex);
    const samples = from(inputs).pipe(map((record): Sample<T> => unpack(record)));
    return samples.pipe(
      transform.operator(),
      toArray(),
      mergeMap((outputs) => {
        const bySample = assign(inputs, outputs);
        return inputs.flatMap((input) => {
          try {
            return outputOf(transform, input, bySample.get(idOf(input)) ?? []);
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
            reject(input, error);
            return [];
          }
        });
      }),
    );
  };
  return (source) => source.pipe(toArray(), mergeMap(run));
}

type Identity = Pick<TopicRecords[GroupTopic], 'promptId' | 'sampleIndex'>;

const idOf = ({ promptId, sampleIndex }: Identity) => `${promptId}/${sampleIndex}`;

/** The outputs by sample. @throws {UserError} `bad-output` for one that belongs to no sample of the unit. */
function assign<O>(inputs: readonly Identity[], outputs: readonly O[]): ReadonlyMap<string, readonly O[]> {
  const bySample = new Map<string, O[]>(inputs.map((input) => [idOf(input), []]));
  for (const output of outputs) {
    const id = identify(output);
    const known = id === undefined ? undefined : bySample.get(id);
    if (!known) throw new UserError('bad-output', `the transform emitted ${describe(output)}; ${expected(inputs)}`);
    known.push(output);
  }
  return bySample;
}

function identify(output: unknown): string | undefined {
  if (typeof output !== 'object' || output === null) return undefined;
  return 'promptId' in output && 'sampleIndex' in output ? `${output.promptId}/${output.sampleIndex}` : undefined;
}

function describe(output: unknown): string {
  const id = identify(output);
  if (id !== undefined) return `sample ${id}, which is not in the unit`;
  const what = Array.isArray(output) ? 'an array' : typeof output === 'object' && output ? 'an object' : String(output);
  return `${what.slice(0, 60)}, which is no sample`;
}

function expected(inputs: readonly Identity[]): string {
  const ids = inputs.slice(0, 4).map(idOf).join(', ');
  const all = inputs.length > 4 ? `${ids}, … (${inputs.length} samples)` : ids;
  return `expected ${all}: promptId and sampleIndex must not change`;
}

/** The output for a sample, none where it was dropped. @throws {UserError} `bad-output`, `lost-sample`. */
function outputOf<T extends GroupTopic>(
  { topic, drops }: Pick<Transform<T>, 'topic' | 'drops'>,
  input: TopicRecords[T],
  outputs: readonly Sample<T>[],
): TopicRecords[T][] {
  const [output, second] = outputs;
  if (second !== undefined)
    throw new UserError('bad-output', `sample ${idOf(input)}: emitted ${outputs.length} times, expected once`);
  if (output !== undefined) return [checkSample(topic, input, output)];
  if (drops) return [];
  throw new UserError(
    'lost-sample',
    `sample ${idOf(input)}: not emitted, expected each sample once; a transform that leaves samples out on ` +
      'purpose declares drops: true',
  );
}

export interface TransformSettings<T extends GroupTopic> extends TransformOptions, AttemptSettings {
  /** Receives what failed; the stream continues once the result has resolved. */
  readonly onDeadLetter: (failure: Failure<TopicRecords[T]>) => Promise<void> | void;
  /** Prompts per training step, for unit `step`. */
  readonly prompts?: number;
}

/**
 * Runs a user's operator on each unit of a stream of samples, as a pipeline does. The operator sees one finite stream
 * per unit, so `scan`, `pairwise` or `reduce` work on a group or a step. It emits each sample once, changed or
 * unchanged.
 *
 * @throws {RangeError} for settings that cannot work.
 * @example
 * // Half the advantage of each second sample.
 * const halve = () =>
 *   map((a, i) => (i % 2 ? { ...a, tokenAdvantages: a.tokenAdvantages.map((x) => x / 2) } : a));
 * advantages$.pipe(transform('advantages', halve, { onDeadLetter: console.error }));
 */
export function transform<T extends GroupTopic>(
  topic: T,
  operator: TransformOperator<T>,
  settings: TransformSettings<T>,
): OperatorFunction<TopicRecords[T], TopicRecords[T]> {
  const { onDeadLetter, drops = false } = settings;
  positiveInteger('attempts', settings.attempts ?? 3);
  duration('backoffMs', settings.backoffMs ?? 100);
  const report = async (failure: Failure<TopicRecords[T]>) => onDeadLetter(failure);
  const run = (unit: readonly TopicRecords[T][]) =>
    defer(() => {
      let rejected: Failure<TopicRecords[T]>[] = [];
      const attempt = () => {
        rejected = [];
        return transformUnit({ topic, operator, drops }, (record, error) => {
          rejected.push({ records: [record], error, cause: causeOf(error), attempts: 1 });
        });
      };
      return runUnit(unit, attempt, settings).pipe(
        catchError((error: unknown) => {
          if (!(error instanceof UnitFailed)) throw error;
          rejected = [{ ...error.failure, records: unit }];
          return of([]);
        }),
        mergeMap(async (outputs) => {
          for (const failure of rejected) await report(failure);
          return outputs;
        }),
        mergeAll(),
      );
    });
  const units = unitsOf<TopicRecords[T]>(settings);
  return (source) => source.pipe(units, concatMap(run));
}

function unitsOf<R extends TopicRecords[GroupTopic]>({
  unit = 'group',
  prompts,
}: Pick<TransformSettings<GroupTopic>, 'unit' | 'prompts'>): OperatorFunction<R, readonly R[]> {
  if (unit === 'record') return map((record) => [record]);
  if (unit === 'group') return groupSamples();
  const settings = { prompts: positiveInteger('prompts', prompts), openSteps: 16, timeoutMs: 600_000 };
  return (source) =>
    source.pipe(
      collectSteps<R>(settings),
      map(([, samples]) => samples),
    );
}
