import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { transactionLog } from '../../../src/runs/metrics/transaction-log.js';

const [BLOCK, HEADER] = [32_768, 7];

/** The records of a log, as LevelDB's format says to read it. */
function read(log: Buffer): Buffer[] {
  expect(log.subarray(0, HEADER).toString('latin1')).toBe(':W&B\xe1\xbe\0');
  const records: Buffer[] = [];
  for (let at = HEADER; at < log.length; ) {
    const room = BLOCK - (at % BLOCK);
    if (room < HEADER) {
      expect(log.subarray(at, at + room).every((byte) => byte === 0)).toBe(true);
      at += room;
      continue;
    }
    const [checksum, length, kind] = [log.readUInt32LE(at), log.readUInt16LE(at + 4), log.readUInt8(at + 6)];
    expect(length + HEADER).toBeLessThanOrEqual(room);
    const data = log.subarray(at + HEADER, at + HEADER + length);
    expect(checksum).toBe(crc32(Buffer.concat([Buffer.of(kind), data])));
    const isStart = kind === 1 || kind === 2;
    if (isStart) records.push(data);
    else records.push(Buffer.concat([records.pop() ?? Buffer.alloc(0), data]));
    at += HEADER + length;
  }
  return records;
}

const filled = (sizes: readonly number[]) => sizes.map((size, i) => Buffer.alloc(size, i + 1));

const isReadAsWritten = (sizes: readonly number[]): boolean => {
  const [written, found] = [filled(sizes), read(transactionLog(filled(sizes)))];
  return found.length === written.length && found.every((record, i) => record.equals(written[i] ?? Buffer.alloc(0)));
};

it.each([
  ['no record', []],
  ['an empty record', [0]],
  ['one that fills its block', [BLOCK - 2 * HEADER, 5]],
  ['one that leaves room for no header', [BLOCK - 3 * HEADER + 1, 5]],
  ['one that leaves room for a header only', [BLOCK - 3 * HEADER, 5]],
  ['one of several blocks', [3 * BLOCK, 1]],
])('%s is read as it was written', (_, sizes) => {
  expect(isReadAsWritten(sizes)).toBe(true);
});

it('records of any size are read as they were written', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 8 });
  fc.assert(fc.property(sizes, isReadAsWritten), { numRuns: 40 });
});
