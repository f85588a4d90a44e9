import avro from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BigLong, PlainBytes } from '../../src/records/avro-types.js';

// avsc's own 64-bit integers, by way of eight bytes.
const reference = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: () => 0,
});

const edges = [0n, 1n, 63n, 64n, 1n << 27n, 1n << 28n, 1n << 31n, 1n << 34n, 1n << 35n, 1n << 62n, (1n << 63n) - 1n];
const int64 = fc.oneof(
  fc.bigInt(-(1n << 63n), (1n << 63n) - 1n),
  fc.constantFrom(...edges.flatMap((edge) => [edge, -edge - 1n])),
  fc.integer().map(BigInt),
);

test('64-bit integers have the bytes that avsc gives them, and are read from those', () => {
  const long = new BigLong();
  fc.assert(
    fc.property(int64, (value) => {
      const bytes = reference.toBuffer(value);
      expect(long.toBuffer(value)).toEqual(bytes);
      expect(long.fromBuffer(bytes)).toBe(value);
    }),
    { numRuns: 500 },
  );
});

test('integers beyond 64 bits and numbers are refused', () => {
  const long = new BigLong();
  for (const wrong of [1n << 63n, -(1n << 63n) - 1n, 5, '5', undefined])
    expect(() => long.toBuffer(wrong)).toThrow('not a long');
});

test('bytes are written from any array of bytes and read as a plain one, also in a union', () => {
  const bytes = new PlainBytes();
  const reads = avro.Type.forSchema(['null', 'bytes'], { registry: { bytes }, wrapUnions: 'never' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (value) => {
      const encoded = avro.Type.forSchema('bytes').toBuffer(Buffer.from(value));
      expect(bytes.toBuffer(value)).toEqual(encoded);
      expect(bytes.fromBuffer(encoded)).toEqual(value);
      expect(reads.fromBuffer(reads.toBuffer(value))).toEqual(value);
    }),
    { numRuns: 100 },
  );
  expect(bytes.fromBuffer(bytes.toBuffer(Uint8Array.of(1))).constructor).toBe(Uint8Array);
  expect(() => bytes.toBuffer([1])).toThrow('not bytes');
  expect(() => bytes.fromBuffer(Buffer.from([8, 1]))).toThrow('truncated');
});
