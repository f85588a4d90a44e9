import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32Array, float32Bytes, int32Array, int32Bytes } from '../../src/records/arrays.js';

describe('number arrays as bytes', () => {
  it('are little-endian', () => {
    expect([...int32Bytes([1, -2])]).toEqual([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    expect([...float32Bytes([1])]).toEqual([0, 0, 0x80, 0x3f]);
  });

  it('round-trip from any offset in a buffer', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(fc.float()), fc.nat(7), (ints, floats, at) => {
        const shifted = (bytes: Uint8Array) => {
          const buffer = new Uint8Array(bytes.byteLength + at + 3);
          buffer.set(bytes, at);
          return buffer.subarray(at, at + bytes.byteLength);
        };
        expect([...int32Array(shifted(int32Bytes(ints)))]).toEqual(ints);
        expect([...float32Array(shifted(float32Bytes(floats)))]).toEqual(floats);
      }),
    );
  });

  it('do not share memory with their source', () => {
    const values = Int32Array.of(1, 2, 3).subarray(1);
    const bytes = int32Bytes(values);
    values[0] = 9;
    expect([...int32Array(bytes)]).toEqual([2, 3]);
    const copy = int32Array(bytes);
    bytes[0] = 7;
    expect(copy[0]).toBe(2);
  });

  it('reject values that are not int32 and incomplete values', () => {
    expect(() => int32Bytes([1, 2.5])).toThrow('value 1 is 2.5; expected an int32');
    expect(() => int32Bytes([2 ** 31])).toThrow(RangeError);
    expect(() => int32Array(new Uint8Array(5))).toThrow('5 bytes');
    expect(() => float32Array(new Uint8Array(3))).toThrow(RangeError);
  });
});
