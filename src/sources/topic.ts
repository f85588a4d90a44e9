import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { decodeUtf8, utf8Problem } from '../support/lines.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { BAD_LINE, type HeldOutFile, heldOutFile, parsePromptLine } from './file.js';
import { hashOf } from './file-hash.js';
import type { HeldOut } from './held-out.js';
import type { Mapping } from './mapping.js';
import { type Found, isBad, type Positioned, type PromptSource } from './source.js';

/** A topic of prompts that others write, and how its records are read. */
export interface TopicSettings extends Mapping {
  readonly topic: string;
  /** A topic grows, so its held-out questions are in a file of their own, or there are none. */
  readonly heldOut: Extract<HeldOut, { readonly file: string }> | 0;
}

/** Records that are read at once. */
const PAGE = 64;

/**
 * The prompts of a topic, as they arrive: each record's value is a JSON object like a line of a prompt file.
 * @param folder what the path of the held-out file is relative to
 * @throws {UserError} as `heldOutFile`
 */
export async function topicSource(settings: TopicSettings, folder: string): Promise<PromptSource<Found | null>> {
  const { topic, heldOut } = settings;
  const apart = heldOut === 0 ? undefined : await heldOutFile(heldOut.file, settings, folder);
  return {
    heldOut: apart?.items ?? [],
    hash: digest('topic', topic, apart ? await hashOf(apart.files) : ''),
    from(position, log) {
      if (!log) throw new Error(`the prompts of topic ${topic} need a log to be read from`);
      return arriving(settings, apart, position, log);
    },
  };
}

async function* arriving(
  settings: TopicSettings,
  apart: HeldOutFile | undefined,
  start: bigint,
  log: TopicLog,
): AsyncGenerator<Positioned<Found | null>> {
  const { topic } = settings;
  let position = start;
  for (;;) {
    let isIdle = true;
    for (let partition = 0; partition < (await partitionsOf(log, topic)); partition++) {
      const records = await log.read(topic, partition, offsetIn(position, partition), PAGE);
      for (const record of records) {
        isIdle = false;
        const at = { topic, partition, offset: record.offset };
        const here = position;
        position = withOffset(position, partition, record.offset + 1n);
        const found = itemOf(record, settings);
        if (isBad(found) || !apart?.has(found.question)) yield { position: here, next: position, pass: 0, found, at };
      }
    }
    if (isIdle) yield { position, next: position, pass: 0, found: null };
  }
}

function itemOf({ topic, partition, offset, value }: LogRecord, mapping: Mapping): Found {
  const source = `${topic}/${partition}@${offset}`;
  try {
    if (value === null) throw new UserError(BAD_LINE, `${source}: found no value, expected a prompt`);
    const text = decodeUtf8(value, true);
    if (text === undefined) throw new UserError(BAD_LINE, `${source}: ${utf8Problem(value)}`);
    return parsePromptLine(text, source, mapping);
  } catch (error) {
    if (error instanceof UserError) return { source, error };
    throw error;
  }
}

/** @throws {UserError} `no-topic` */
async function partitionsOf(log: TopicLog, topic: string): Promise<number> {
  const info = (await log.describe()).find(({ name }) => name === topic);
  if (info) return info.partitions;
  throw new UserError(
    'no-topic',
    `topic ${topic}: does not exist, expected an existing topic; check the name or create it`,
  );
}

/** Bits of one partition's offset in a position, which has those of all partitions. */
const OFFSET_BITS = 64;

export const offsetIn = (position: bigint, partition: number): bigint =>
  BigInt.asUintN(OFFSET_BITS, position >> BigInt(OFFSET_BITS * partition));

export const withOffset = (position: bigint, partition: number, offset: bigint): bigint =>
  position + ((offset - offsetIn(position, partition)) << BigInt(OFFSET_BITS * partition));
