import { nearest, UserError } from '../support/errors.js';
import type { TopicInfo, TopicLog } from '../topics/log.js';
import { headerPlace, recordIn, type TopicName } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import { partitionsOf } from './topics.js';

/** Inclusive; a missing end is open. */
export interface Range {
  readonly from?: number;
  readonly to?: number;
}

/** Which records of a topic are replayed. Groups are replayed whole or not at all. */
export interface Part {
  readonly offset?: Range;
  /** When the log appended the record, in milliseconds since the epoch. */
  readonly time?: Range;
  readonly step?: Range;
  /** Policy version that sampled. */
  readonly version?: Range;
  /** Matches the prompt id. */
  readonly prompt?: RegExp;
}

const ranges = ['offset', 'time', 'step', 'version'] as const;

/**
 * Parses the values of `--only`; several narrow each other.
 * @throws {UserError} `bad-request`
 * @example
 * parsePart(['step=4..8', 'prompt=^sum-']); // { step: { from: 4, to: 8 }, prompt: /^sum-/ }
 * parsePart(['time=2026-01-31T12:00:00Z..']);
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
    if (part[range ?? 'prompt'] !== undefined) refuse(text, `expected ${field} only once`);
    if (range) part[range] = parseRange(text, value, range === 'time');
    else part.prompt = expression(text, value);
  }
  return part;
}

/** The inverse of `parsePart`. */
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
        `found ${JSON.stringify(end)}, expected ` +
          `${isTime ? 'a date such as 2026-01-31T12:00:00Z, or milliseconds since 1970' : 'a whole number from 0'}`,
      );
    return number;
  };
  const [first = '', last = first, ...more] = value.split('..');
  if (more.length > 0 || (first === '' && last === ''))
    refuse(text, 'expected FIRST..LAST, FIRST.., ..LAST or a single value');
  const range = { ...(first !== '' && { from: limit(first) }), ...(last !== '' && { to: limit(last) }) };
  if ((range.from ?? 0) > (range.to ?? Number.POSITIVE_INFINITY))
    refuse(text, 'found an end before the beginning, expected FIRST..LAST');
  return range;
}

function expression(text: string, value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (error) {
    return refuse(text, (error as Error).message);
  }
}

/** Whether a part has every step in full from the first on, so that it can be trained on. */
export const isTrainable = ({ offset, time, version, prompt, step }: Part): boolean =>
  offset === undefined && time === undefined && version === undefined && prompt === undefined && !step?.from;

/**
 * Finds the prompts whose whole group is in a part of a topic.
 * @returns their ids as `inside`; as `incomplete` those whose group the topic itself has only in part, for example
 * after retention deleted its beginning: a stage would wait forever for the rest
 */
export async function promptsInPart(
  log: TopicLog,
  topic: TopicName,
  part: Part,
): Promise<{ readonly inside: ReadonlySet<string>; readonly incomplete: readonly string[] }> {
  const inside = new Set<string>();
  const outside = new Set<string>();
  const missing = new Map<string, number>();
  for (const [partition] of await partitionsOf(log, topic))
    for await (const record of scan(log, topic, partition)) {
      const { key, offset, timestamp } = record;
      const place = headerPlace(record);
      // A gap marker has no version: it belongs wherever the samples of its group do.
      const version =
        part.version && topic !== 'prompts' ? recordIn(topic as 'rollouts', record)?.policyVersion : undefined;
      const isInside =
        within(part.offset, Number(offset)) &&
        within(part.time, timestamp) &&
        within(part.step, place?.step) &&
        within(part.version, version) &&
        (part.prompt?.test(key) ?? true);
      (isInside ? inside : outside).add(key);
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
 * Checks that a topic still has its records from the beginning of the part on.
 * @throws {UserError} `deleted-head`
 */
export function checkHead({ name, bounds, compact }: TopicInfo, { offset }: Part = {}): void {
  if (compact) return;
  const from = BigInt(offset?.from ?? 0);
  for (const [partition, { start }] of bounds.entries())
    if (start > from)
      throw new UserError(
        'deleted-head',
        `topic ${name}, partition ${partition}: its first record is at offset ${start}, expected ${from}: earlier ` +
          `records were deleted; start from a later topic, or use --only offset=${start}..`,
      );
}
