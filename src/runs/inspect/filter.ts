import { codecFor } from '../../records/codec.js';
import { nearest, UserError } from '../../support/errors.js';
import type { LogRecord } from '../../topics/log.js';
import { gapOf, recordIn, recordType, type TopicName } from '../../topics/record-codec.js';
import { isRedacted } from './redact.js';

/** What a record has to be; every condition counts. */
export interface RecordQuery {
  /** A prompt or item, or `PROMPT/INDEX` for one sample. */
  readonly prompt?: string;
  readonly step?: number;
  readonly verdict?: string;
  /**
   * `field=value`, `field!=value`, and with numbers `<`, `<=`, `>` and `>=`. A field of a map has a path:
   * `values.loss>2`.
   */
  readonly where?: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
type Test = (fields: Fields) => boolean;

/**
 * Tells which records of a topic a query wants; undefined where it wants all of them.
 * @param showPrivileged whether fields that only the teacher may see can be asked for
 * @throws {UserError} `bad-filter` for a condition that the topic's records cannot meet
 */
export function recordFilter(
  topic: string,
  query: RecordQuery,
  showPrivileged: boolean,
): ((record: LogRecord) => boolean) | undefined {
  const kind = recordType(topic);
  const tests = [
    ...(query.prompt === undefined ? [] : [promptTest(query.prompt, kind)]),
    ...(query.step === undefined ? [] : [condition(`step=${query.step}`, '--step', topic, kind)]),
    ...(query.verdict === undefined ? [] : [condition(`verdict=${query.verdict}`, '--verdict', topic, kind)]),
    ...(query.where ?? []).map((text) => {
      const { field } = parsed(text);
      if (!showPrivileged && isRedacted(topic, field))
        throw new UserError('bad-filter', `--where ${field}: only the teacher may see it; add --show-privileged`);
      return condition(text, `--where ${text}`, topic, kind);
    }),
  ];
  if (tests.length === 0) return undefined;
  return (record) => {
    const fields = fieldsOf(record, kind);
    return tests.every((test) => test(fields));
  };
}

function fieldsOf(record: LogRecord, kind: TopicName | undefined): Fields {
  const { key, value, headers } = record;
  const gap = gapOf(record);
  if (gap) return { key, ...gap, ...gap.judged, gap: gap.cause };
  if (value === null || kind === undefined) return { ...headers, key };
  return { key, ...recordIn(kind, record) };
}

/** Dead letters are found by the key of the record that failed. */
function promptTest(wanted: string, kind: TopicName | undefined): Test {
  return (fields) => {
    const { promptId, itemId, sampleIndex, key } = fields;
    const ids = kind === 'dead-letters' ? [key] : [promptId, itemId, ...(promptId === undefined ? [key] : [])];
    return ids.includes(wanted) || `${promptId}/${sampleIndex}` === wanted;
  };
}

const comparisons = {
  '=': (found: unknown, wanted: string) => isSame(found, wanted),
  '!=': (found: unknown, wanted: string) => !isSame(found, wanted),
  '<': (found: unknown, wanted: string) => Number(found) < Number(wanted),
  '<=': (found: unknown, wanted: string) => Number(found) <= Number(wanted),
  '>': (found: unknown, wanted: string) => Number(found) > Number(wanted),
  '>=': (found: unknown, wanted: string) => Number(found) >= Number(wanted),
} as const;

type Operator = keyof typeof comparisons;
const isOperator = (text: string): text is Operator => Object.hasOwn(comparisons, text);

const isSame = (found: unknown, wanted: string): boolean =>
  typeof found === 'number' && wanted.trim() !== '' ? found === Number(wanted) : String(found) === wanted;

function parsed(text: string): { readonly field: string; readonly operator: Operator; readonly wanted: string } {
  const [, field, operator, wanted] = /^([^=!<>]+)(!=|<=|>=|=|<|>)(.*)$/s.exec(text) ?? [];
  if (field === undefined || operator === undefined || wanted === undefined || !isOperator(operator))
    throw new UserError('bad-filter', `--where ${text}: expected field=value, such as reward=1 or values.loss>2`);
  if (operator.length + Number(operator === '<' || operator === '>') > 1 && operator !== '!=' && !isNumber(wanted))
    throw new UserError(
      'bad-filter',
      `--where ${text}: found ${JSON.stringify(wanted)}, expected a number after ${operator}`,
    );
  return { field, operator, wanted };
}

const isNumber = (text: string): boolean => text.trim() !== '' && !Number.isNaN(Number(text));

function condition(text: string, option: string, topic: string, kind: TopicName | undefined): Test {
  const { field, operator, wanted } = parsed(text);
  const [name = '', ...path] = field.split('.');
  const known = ['key', 'gap', ...(kind ? codecFor(kind).schema.fields.map((one) => one.name) : [])];
  if (kind && !known.includes(name)) {
    const near = nearest(name, known);
    throw new UserError(
      'bad-filter',
      `${option}: records of ${topic} have no field ${name}; ` +
        `${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
    );
  }
  const symbols = kind && path.length === 0 ? symbolsOf(kind, name) : undefined;
  if (symbols && (operator === '=' || operator === '!=') && !symbols.includes(wanted)) {
    const near = nearest(wanted, symbols);
    throw new UserError(
      'bad-filter',
      `${option}: found ${wanted}; ${near ? `did you mean ${near}?` : `expected one of ${symbols.join(', ')}`}`,
    );
  }
  // The rest of a path may have dots of its own, as the names of some metrics do.
  return (fields) => {
    const found = path.length === 0 ? fields[name] : inside(fields[name], path);
    return found !== undefined && comparisons[operator](found, wanted);
  };
}

function inside(value: unknown, path: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Fields;
  const whole = path.join('.');
  if (Object.hasOwn(fields, whole)) return fields[whole];
  const [name = '', ...rest] = path;
  return rest.length === 0 ? undefined : inside(fields[name], rest);
}

/** What a field can be, where its schema lists it. */
function symbolsOf(kind: TopicName, field: string): readonly string[] | undefined {
  const type: unknown = codecFor(kind).schema.fields.find(({ name }) => name === field)?.type;
  return typeof type === 'object' && type !== null && 'symbols' in type && Array.isArray(type.symbols)
    ? type.symbols.map(String)
    : undefined;
}
