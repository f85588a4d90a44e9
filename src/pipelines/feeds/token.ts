import { z } from 'zod';
import { type Append, type Consumer, FencedError, type LogRecord, type TopicLog } from '../../topics/log.js';
import { lastRecord } from '../../topics/scan.js';
import { type Places, placeIn } from './feed.js';

/**
 * The topic `source` contains one token at a time: how far the sources were read, and the number of the next prompt.
 * Whoever reads it writes a step's prompts and the next token in one transaction, so one process writes prompts however
 * many stand by.
 */
export interface Token {
  readonly places: Places;
  readonly sequence: bigint;
  /** Rounds of prompts that the step of the next prompt has had. Default: 0. */
  readonly round?: number;
  /** All prompts are written. Only a pipeline that trains nothing has a last prompt of its own. */
  readonly done?: boolean;
}

/** A token that this process may continue from, and the offset after it. */
export interface Held {
  readonly token: Token;
  readonly offset: bigint;
}

const number = z.string().regex(/^\d+$/).transform(BigInt);
const tokenSchema = z.object({
  position: z.union([number, z.record(z.string(), z.tuple([number, number]))]),
  sequence: number,
  round: z.int().min(0).optional(),
  done: z.boolean().optional(),
});

export function tokenAppend({ places, sequence, round = 0, done }: Token): Append {
  const value = {
    position: written(places),
    sequence: String(sequence),
    ...(round > 0 && { round }),
    ...(done && { done }),
  };
  return { topic: 'source', key: 'next', value: Buffer.from(JSON.stringify(value)) };
}

/** The only source's position; with tasks, each one's position and count. */
function written(places: Places): string | Record<string, [string, string]> {
  const entries = [...places];
  if (entries.every(([task]) => task === '')) return String(placeIn(places, '').position);
  return Object.fromEntries(
    entries.map(([task, { position, count }]) => [task, [String(position), String(count)] as [string, string]]),
  );
}

/** The token of a record; undefined for what another program has written to the topic by mistake. */
function tokenIn({ value }: LogRecord): Token | undefined {
  const { data, success } = tokenSchema.safeParse(parsed(value));
  if (!success) return undefined;
  const { position, sequence, round, done } = data;
  const places: Places =
    typeof position === 'bigint'
      ? new Map([['', { position, count: sequence }]])
      : new Map(Object.entries(position).map(([task, [at, count]]) => [task, { position: at, count }]));
  return { places, sequence, ...(round !== undefined && { round }), ...(done && { done }) };
}

function parsed(value: Uint8Array | null): unknown {
  try {
    return value && JSON.parse(Buffer.from(value).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const lastToken = async (log: TopicLog): Promise<Token | undefined> => {
  const last = await lastRecord(log, 'source', 0, (record) => tokenIn(record) !== undefined);
  return last && tokenIn(last);
};

/** Whether all prompts of a pipeline that trains nothing are written. */
export async function isIngested(log: TopicLog): Promise<boolean> {
  return (await lastToken(log))?.done === true;
}

/** The token, once this process is the one that writes prompts; undefined when it is not before the signal. */
export async function takeToken(log: TopicLog, consumer: Consumer, signal: AbortSignal): Promise<Held | undefined> {
  let newest: Held | undefined;
  while (!signal.aborted) {
    const records = await consumer.poll(16, newest ? 0 : 500, signal);
    for (const record of records) {
      const token = tokenIn(record);
      if (!token) continue;
      // Two processes may have begun at once; the one that got further counts.
      const further = !newest || token.sequence > newest.token.sequence ? token : newest.token;
      newest = { token: further, offset: record.offset + 1n };
    }
    if (newest && records.length === 0) return newest;
    if (newest || records.length > 0 || consumer.assigned().length === 0) continue;
    if ((await lastToken(log)) === undefined && consumer.assigned().length > 0)
      await log.append([tokenAppend({ places: new Map(), sequence: 0n })]);
  }
  return undefined;
}

/**
 * Reads the token that was just written, or that of another process that wrote prompts while this one had lost its
 * place.
 */
export async function nextToken(consumer: Consumer, sequence: bigint, signal: AbortSignal): Promise<Held | undefined> {
  while (!signal.aborted) {
    const [record] = await consumer.poll(1, 500, signal);
    const token = record && tokenIn(record);
    if (token && token.sequence >= sequence) return { token, offset: record.offset + 1n };
    if (consumer.assigned().length === 0) throw new FencedError('another process writes the prompts');
  }
  return undefined;
}
