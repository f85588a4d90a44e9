import { nearest, UserError } from '../support/errors.js';
import type { TopicInfo, TopicLog } from '../topics/log.js';
import { fromRecord, headerPlace, type TopicName } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';

/** First and last, both included; one that is left out is open. */
export interface Range {
  readonly from?: number;
  readonly to?: number;
}

/** Which records of a topic are replayed. Groups are taken whole or left out. */
export interface Part {
  readonly offset?: Range;
  /** Milliseconds since the epoch at which the log took the record. */
  readonly time?: Range;
  readonly step?: Range;
  /** Of the weights that sampled. */
  readonly version?: Range;
  /** Of the prompt's id. */
  readonly prompt?: RegExp;
}

const ranges = ['offset', 'time', 'step', 'version'] as const;

/**
 * A part from the command line's `FIELD=RANGE`: `step=4..8`, `offset=100..`, `time=2026-01-31T12:00:00Z..`, `version=3`, and
 * `prompt=REGEX`. Several narrow each other.
 * @throws {UserError} `bad-request`
 */
export function parsePart(texts: readonly string[]): Part {
  const part: { -readonly [K in keyof Part]: Part[K] } = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    const [field, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    const range = ranges.find((name) => name === field);
    if (field !== 'prompt' && !range) {
      const near = nearest(field, [...ranges, 'prompt']);
      refuse(text, near ? `did you mean ${near}=?` : `expected ${ranges.join('=, ')}= or prompt=`);
    }
    if (part[range ?? 'prompt'] !== undefined) refuse(text, `${field} is there already; expected it once`);
    if (range) part[range] = parseRange(text, value, range === 'time');
    else part.prompt = expression(text, value);
  }
  return part;
}

/** The texts of a part, as `parsePart` takes them. */
export function partTexts({ prompt, ...part }: Part): string[] {
  const texts = ranges.flatMap((field) => {
    const range = part[field];
    return range?.from !== undefined || range?.to !== undefined
      ? [`${field}=${range.from ?? ''}..${range.to ?? ''}`]
      : [];
  });
  return prompt ? [...texts, `prompt=${prompt.source}`] : texts;
}

function refuse(text: string, why: string): never {
  throw new UserError('bad-request', `--only ${text}: ${why}`);
}

function parseRange(text: string, value: string, isTime: boolean): Range {
  const limit = (end: string): number => {
    const number = /^\d+$/.test(end) ? Number(end) : isTime ? Date.parse(end) : Number.NaN;
    if (!Number.isSafeInteger(number))
      refuse(
        text,
        `found ${JSON.stringify(end)}, expected ${isTime ? 'a date such as 2026-01-31T12:00:00Z, or milliseconds' : 'a whole number from 0'}`,
      );
    return number;
  };
  const [first = '', last = first, ...more] = value.split('..');
  if (more.length > 0 || (first === '' && last === '')) refuse(text, 'expected FIRST..LAST, FIRST.., ..LAST or one');
  const range = { ...(first !== '' && { from: limit(first) }), ...(last !== '' && { to: limit(last) }) };
  if ((range.from ?? 0) > (range.to ?? Number.POSITIVE_INFINITY)) refuse(text, 'its end lies before its beginning');
  return range;
}

function expression(text: string, value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (error) {
    return refuse(text, (error as Error).message);
  }
}

/** Whether every step up to the last one is there in full, so that it can be trained on. */
export const isTrainable = ({ offset, time, version, prompt, step }: Part): boolean =>
  offset === undefined && time === undefined && version === undefined && prompt === undefined && !step?.from;

/**
 * Ids of the prompts whose whole group lies in the part, and of those that the topic itself holds a part of only, as where retention
 * deleted the beginning of a group: a stage would wait for the rest of it for ever.
 */
export async function promptsInPart(
  log: TopicLog,
  topic: TopicName,
  part: Part,
): Promise<{ readonly inside: ReadonlySet<string>; readonly incomplete: readonly string[] }> {
  const partitions = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  const inside = new Set<string>();
  const outside = new Set<string>();
  const missing = new Map<string, number>();
  for (const partition of partitions.keys())
    for await (const record of scan(log, topic, partition)) {
      const { key, offset, timestamp, value } = record;
      const place = headerPlace(record);
      // A gap marker tells of no version: it goes with the samples of its group.
      const version =
        part.version && value !== null && topic !== 'prompts'
          ? fromRecord(topic as 'rollouts', { ...record, value }).policyVersion
          : undefined;
      const lies =
        within(part.offset, Number(offset)) &&
        within(part.time, timestamp) &&
        within(part.step, place?.step) &&
        within(part.version, version) &&
        (part.prompt?.test(key) ?? true);
      (lies ? inside : outside).add(key);
      if (place)
        missing.set(key, (missing.get(key) ?? place.groupSize) - (place.sampleIndex === null ? place.groupSize : 1));
    }
  for (const key of outside) inside.delete(key);
  const incomplete = [...inside].filter((key) => (missing.get(key) ?? 0) > 0);
  for (const key of incomplete) inside.delete(key);
  return { inside, incomplete };
}

const within = (range: Range | undefined, value: number | undefined): boolean =>
  value === undefined || (value >= (range?.from ?? 0) && value <= (range?.to ?? Number.POSITIVE_INFINITY));

/**
 * Makes sure that the part begins no earlier than what is left of the topic.
 * @throws {UserError} `deleted-head`
 */
export function checkHead({ name, bounds, compact }: TopicInfo, { offset }: Part = {}): void {
  if (compact) return;
  const from = BigInt(offset?.from ?? 0);
  for (const [partition, { start }] of bounds.entries())
    if (start > from)
      throw new UserError(
        'deleted-head',
        `topic ${name}, partition ${partition}: its first record is at offset ${start}, expected ${from}: those before were deleted; begin with a later topic, or with --only offset=${start}..`,
      );
}
