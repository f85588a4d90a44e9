import { map, type OperatorFunction, pipe, tap } from 'rxjs';
import type { TopicRecords } from '../records/records.js';
import { UserError } from '../support/errors.js';
import { placeOf, toAppend } from '../topics/record-codec.js';
import type { GroupTopic, Through } from './stages/definition.js';

/**
 * A user's operator, held to what the stages behind it rely on: of each record that record, changed, or nothing.
 * @throws {UserError} `bad-output` on the stream: another sample's record, a second one, or one that is not of the topic's schema
 */
export function throughOperator<T extends GroupTopic>({
  topic,
  operator,
}: Through<T>): OperatorFunction<TopicRecords[T], TopicRecords[T]> {
  const named = (record: unknown): string => {
    if (typeof record !== 'object' || record === null) return (JSON.stringify(record) ?? 'undefined').slice(0, 60);
    const { promptId, sampleIndex } = placeOf(record) ?? {};
    return `a record of sample ${promptId}/${sampleIndex}`;
  };
  const bad = (what: string): UserError => new UserError('bad-output', what);
  let asked: TopicRecords[T] | undefined;
  let given = 0;
  const check = (output: TopicRecords[T]): TopicRecords[T] => {
    const expected = `expected sample ${asked?.promptId}/${asked?.sampleIndex} changed, or nothing`;
    if (named(output) !== named(asked)) throw bad(`the operator gave ${named(output)}; ${expected}`);
    if (++given > 1) throw bad(`the operator gave a second record; ${expected}`);
    try {
      toAppend(topic, output);
    } catch (error) {
      throw error instanceof UserError ? bad(`the operator gave a record of another type: ${error.message}`) : error;
    }
    return output;
  };
  return pipe(
    tap((record) => {
      asked = record;
    }),
    operator(),
    map(check),
  );
}
