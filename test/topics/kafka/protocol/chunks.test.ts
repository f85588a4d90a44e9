import { describe, expect, it } from 'vitest';
import { assembler, CHUNK, messagesOf, sizeOf } from '../../../../src/topics/kafka/protocol/chunks.js';
import type { LogRecord } from '../../../../src/topics/log.js';

const value = new Uint8Array(10_000).map((_, i) => i % 251);

/** The messages as a partition holds them, from `start` on, with the offset of the first in the later ones. */
function stored(start: bigint, step = 1n): LogRecord[] {
  return messagesOf({ topic: 't', key: 'k', value, headers: { schema: 's' } }, 3000).map((message, i) => ({
    topic: 't',
    partition: 0,
    offset: start + BigInt(i) * step,
    timestamp: 0,
    key: 'k',
    value: message.value,
    headers: message.follows ? { ...message.headers, [CHUNK.first]: String(start) } : message.headers,
  }));
}
const nothing = async () => [];

describe('chunks', () => {
  it('are not used for a record that fits', () => {
    expect(messagesOf({ topic: 't', key: 'k', value, headers: {} }, 20_000)).toHaveLength(1);
    expect(messagesOf({ topic: 't', key: 'k', value: null }, 10)).toHaveLength(1);
  });

  it('stay within the limit, overhead included', () => {
    for (const limit of [3000, 4096, 9999])
      for (const message of messagesOf({ topic: 't', key: 'k', value, headers: { schema: 's' } }, limit)) {
        const first = message.follows ? { [CHUNK.first]: '9223372036854775807' } : {};
        expect(sizeOf({ ...message, headers: { ...message.headers, ...first } })).toBeLessThanOrEqual(limit);
      }
  });

  it('are joined at the offset of the last, even if two records interleave', async () => {
    const whole = assembler(nothing);
    const mixed = [...stored(0n, 2n), ...stored(1n, 2n)].sort((a, b) => (a.offset < b.offset ? -1 : 1));
    const records: LogRecord[] = [];
    for (const message of mixed) records.push(...[await whole.add(message)].filter((r) => r !== undefined));
    expect(records.map(({ offset }) => offset)).toEqual(mixed.slice(-2).map(({ offset }) => offset));
    for (const record of records) {
      expect(new Uint8Array(record.value ?? [])).toEqual(value);
      expect(record.headers).toEqual({ schema: 's' });
    }
  });

  it('are fetched from earlier offsets if a reader starts within a record', async () => {
    const messages = stored(10n);
    const whole = assembler(async (from, to) => messages.filter(({ offset }) => offset >= from && offset < to));
    const results = [];
    for (const message of messages.slice(2)) results.push(await whole.add(message));
    expect(new Uint8Array(results.at(-1)?.value ?? [])).toEqual(value);
  });

  it('are skipped if retention has removed the first ones', async () => {
    const whole = assembler(nothing);
    for (const message of stored(10n).slice(1)) expect(await whole.add(message)).toBeUndefined();
  });

  it('come as they are if they do not match their digest', async () => {
    const whole = assembler(nothing);
    const messages = stored(0n);
    const broken = messages.map((m, i) => (i === 1 ? { ...m, value: new Uint8Array(m.value?.byteLength ?? 0) } : m));
    const records: (LogRecord | undefined)[] = [];
    for (const message of broken) records.push(await whole.add(message));
    expect(records.filter((record) => record !== undefined)).toEqual([broken.at(-1)]);
  });

  it.each([
    { [CHUNK.count]: '2' },
    { [CHUNK.count]: '2', [CHUNK.index]: '1' },
    { [CHUNK.count]: '2', [CHUNK.index]: '1', [CHUNK.first]: 'x' },
    { [CHUNK.count]: '2', [CHUNK.index]: '1', [CHUNK.first]: '-1' },
    { [CHUNK.count]: '2', [CHUNK.index]: '1', [CHUNK.first]: '7' },
    { [CHUNK.count]: '2', [CHUNK.index]: '2', [CHUNK.first]: '1' },
    { [CHUNK.count]: 'many', [CHUNK.index]: '0' },
    { [CHUNK.count]: '', [CHUNK.index]: '' },
    { [CHUNK.index]: '0', [CHUNK.digest]: 'x' },
  ])('are not what another producer wrote with headers %j', async (headers) => {
    const record = { topic: 't', partition: 0, offset: 7n, timestamp: 0, key: 'k', value, headers };
    expect(await assembler(nothing).add(record)).toBe(record);
  });
});
