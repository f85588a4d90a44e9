import { createHash } from 'node:crypto';
import type { Append, LogRecord } from '../../log.js';

/**
 * A record larger than the message limit is sent as several messages of one transaction, in one partition. All but the
 * first contain the offset of the first, so that a reader that starts in the middle can go back for the rest. The last
 * has the record's own headers, and its offset is the record's.
 */
export const CHUNK = {
  index: 'chunk-index',
  count: 'chunk-count',
  first: 'chunk-first',
  digest: 'chunk-digest',
} as const;

export interface Message {
  readonly key: Buffer;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Set on every chunk but the first, whose offset is known only once it is written. */
  readonly follows: boolean;
  /** Upper bound of its size in a batch. */
  readonly bytes: number;
}

/** Overhead of a message in a batch besides key and value: lengths, headers, timestamps. */
const OVERHEAD = 64;

/** Upper bound of the size of a message in a batch, in bytes. */
export function sizeOf({ key, value, headers }: Pick<Message, 'key' | 'value' | 'headers'>): number {
  let size = OVERHEAD + key.byteLength + (value === null ? 0 : value.byteLength);
  // Up to 3 bytes per UTF-16 unit: measuring each text would take longer than writing it.
  for (const [name, text] of Object.entries(headers)) size += 10 + 3 * (name.length + text.length);
  return size;
}

/** The messages of one record, each at most `limit` bytes. */
export function messagesOf(append: Append, limit: number): Message[] {
  const key = Buffer.from(append.key, 'utf8');
  const headers = append.headers ?? {};
  // kafkajs converts anything but a Buffer to text.
  const value = append.value && Buffer.from(append.value.buffer, append.value.byteOffset, append.value.byteLength);
  const bytes = sizeOf({ key, value, headers });
  if (value === null || bytes <= limit) return [{ key, value, headers, follows: false, bytes }];
  const room = limit - sizeOf({ key, value: null, headers }) - 600; // 600: the headers of a chunk
  const step = Math.max(room, 1024);
  const count = Math.ceil(value.byteLength / step);
  const digest = createHash('sha256').update(value).digest('hex');
  return Array.from({ length: count }, (_, index) => {
    const part = {
      key,
      value: value.subarray(index * step, (index + 1) * step),
      headers: {
        ...(index === count - 1 ? headers : {}),
        [CHUNK.index]: String(index),
        [CHUNK.count]: String(count),
        [CHUNK.digest]: digest,
      },
    };
    return { ...part, follows: index > 0, bytes: sizeOf(part) };
  });
}

/** A message's place among the chunks of its record. */
interface Chunk {
  readonly index: number;
  readonly count: number;
  /** Offset of the first chunk. */
  readonly first: bigint;
}

/** Whether a message claims to be a chunk. */
export const claimsChunk = ({ headers }: Pick<LogRecord, 'headers'>): boolean => headers[CHUNK.index] !== undefined;

/** Undefined for a message that is no chunk, such as one whose headers another producer made up. */
function chunkOf({ offset, headers }: LogRecord): Chunk | undefined {
  const [index, count, first] = [headers[CHUNK.index], headers[CHUNK.count], headers[CHUNK.first]];
  if (!isNumber(index) || !isNumber(count) || Number(index) >= Number(count)) return undefined;
  if (index === '0') return { index: 0, count: Number(count), first: offset };
  if (!isNumber(first) || BigInt(first) >= offset) return undefined;
  return { index: Number(index), count: Number(count), first: BigInt(first) };
}

const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,18}$/.test(text);

/** Puts the chunks of one partition together again. */
export interface Assembler {
  /**
   * The whole record when this was its last message, or undefined. A message that is no chunk, or whose chunks do not
   * match their digest, comes as it is: what reads it cannot decode it.
   */
  add(record: LogRecord): Promise<LogRecord | undefined>;
}

/**
 * @param before reads the messages of this partition in `[from, to)`, for a reader that started inside a record
 */
export function assembler(before: (from: bigint, to: bigint) => Promise<LogRecord[]>): Assembler {
  const open = new Map<bigint, Uint8Array[]>();
  return {
    async add(record) {
      const chunk = chunkOf(record);
      if (!chunk) return record;
      const { index, count, first } = chunk;
      let parts = open.get(first);
      if (!parts) {
        parts = [];
        open.set(first, parts);
        const missed = index === 0 ? [] : await before(first, record.offset);
        for (const other of missed) {
          const isFirst = other.offset === first && other.headers[CHUNK.index] === '0';
          if ((isFirst || other.headers[CHUNK.first] === String(first)) && other.value) parts.push(other.value);
        }
      }
      if (record.value) parts.push(record.value);
      if (index < count - 1) return undefined;
      open.delete(first);
      const value = Buffer.concat(parts);
      // Retention removes whole segments, so the first chunks of a record may be gone: skip the record.
      if (parts.length < count) return undefined;
      if (createHash('sha256').update(value).digest('hex') !== record.headers[CHUNK.digest]) return record;
      const own = Object.entries(record.headers).filter(([name]) => !Object.values<string>(CHUNK).includes(name));
      return { ...record, value, headers: Object.fromEntries(own) };
    },
  };
}
