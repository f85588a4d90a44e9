import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileDigest, readSafetensors, type Tensor, writeSafetensors } from '../../src/models/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-safetensors-'));
const file = join(folder, 'model.safetensors');

function raw(header: unknown, data: Uint8Array): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  const path = join(folder, 'raw.safetensors');
  writeFileSync(path, Buffer.concat([prefix, json, data]));
  return path;
}

describe('safetensors', () => {
  it('round-trips every bit, whatever the shapes', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 12 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
          fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
          { maxKeys: 5 },
        ),
        fc.integer(),
        (shapes, seed) => {
          const tensors = new Map<string, Tensor>(
            Object.entries(shapes).map(([name, shape]) => {
              const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
              new Uint32Array(data.buffer).forEach((_, i, bits) => {
                bits[i] = Math.imul(seed + i, 2654435761);
              });
              return [name, { shape, data }];
            }),
          );
          writeSafetensors(file, tensors);
          const read = readSafetensors(file);
          expect([...read.keys()].sort()).toEqual([...tensors.keys()].sort());
          for (const [name, tensor] of tensors) {
            expect(read.get(name)?.shape).toEqual(tensor.shape);
            expect(Buffer.from(read.get(name)?.data.buffer ?? new ArrayBuffer(1))).toEqual(
              Buffer.from(tensor.data.buffer),
            );
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('writes the same bytes whatever the order of insertion, aligned to 8, and returns their SHA-256', () => {
    const a: Tensor = { shape: [2], data: Float32Array.of(1, 2) };
    const b: Tensor = { shape: [], data: Float32Array.of(3) };
    const digest = writeSafetensors(
      file,
      new Map([
        ['a', a],
        ['b', b],
      ]),
      { metadata: { format: 'pt' } },
    );
    const bytes = readFileSync(file);
    expect(
      writeSafetensors(
        file,
        new Map([
          ['b', b],
          ['a', a],
        ]),
        { metadata: { format: 'pt' } },
      ),
    ).toBe(digest);
    expect(readFileSync(file)).toEqual(bytes);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest);
    expect(fileDigest(file)).toBe(digest);
    expect(Number(bytes.readBigUInt64LE()) % 8).toBe(0);
    expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('reads halves', () => {
    const halves = [0x3c00, 0xc000, 0x0001, 0x03ff, 0x8400, 0x7bff, 0x7c00, 0x0000];
    const path = raw(
      { h: { dtype: 'F16', shape: [8], data_offsets: [0, 16] } },
      new Uint8Array(Uint16Array.from(halves).buffer),
    );
    expect([...(readSafetensors(path).get('h')?.data ?? [])]).toEqual([
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      -(2 ** -14),
      65504,
      Number.POSITIVE_INFINITY,
      0,
    ]);
  });

  it('reads bfloat16', () => {
    const path = raw(
      { b: { dtype: 'BF16', shape: [2, 1], data_offsets: [0, 4] } },
      new Uint8Array(Uint16Array.of(0x3f80, 0xc049).buffer),
    );
    expect(readSafetensors(path).get('b')).toEqual({ shape: [2, 1], data: Float32Array.of(1, -3.140625) });
  });

  const f32 = (shape: unknown, begin: number, end: number, dtype = 'F32') => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  it.each([
    ['another type', { x: f32([1], 0, 8, 'F64') }, 8, /tensor x has type F64, expected one of F32, F16, BF16/],
    [
      'an overlap',
      { x: f32([1], 0, 4), y: f32([1], 2, 6) },
      6,
      /tensor y begins at byte 2 and overlaps x, which ends at 4/,
    ],
    ['a hole', { x: f32([1], 0, 4), y: f32([1], 8, 12) }, 12, /tensor y begins at byte 8, expected 4/],
    [
      'a truncated tensor',
      { x: f32([4], 0, 16) },
      12,
      /truncated: tensor x ends at byte \d+, but the file has \d+ bytes/,
    ],
    ['a shape that does not fit', { x: f32([3], 0, 8) }, 8, /tensor x has 8 bytes, but F32 \[3\] takes 12/],
    ['a negative shape', { x: f32([-1], 0, 4) }, 4, /tensor x has shape \[-1\], expected a list of counts/],
    ['bytes after the last tensor', { x: f32([1], 0, 4) }, 7, /3 bytes follow the last tensor/],
    ['a header that is no JSON', '{"x":', 0, /its header is not JSON/],
    ['a header that is no object', '[1]', 0, /its header is not an object/],
    ['no offsets', { x: { dtype: 'F32', shape: [1] } }, 4, /tensor x has data_offsets nothing, expected/],
  ])('refuses %s', (_, header, length, message) => {
    const path = raw(header, new Uint8Array(length));
    expect(() => readSafetensors(path)).toThrow(message);
    expect(() => readSafetensors(path)).toThrow(path);
  });

  it('rejects a missing file, a truncated header and a file of another kind', () => {
    expect(() => readSafetensors(join(folder, 'none.safetensors'))).toThrow(/none\.safetensors: the file is missing/);
    const path = join(folder, 'short');
    writeFileSync(path, 'abc');
    expect(() => readSafetensors(path)).toThrow(/truncated: 3 bytes found/);
    writeFileSync(path, 'PK plain text of another kind');
    expect(() => readSafetensors(path)).toThrow(/not a safetensors file/);
  });
});
