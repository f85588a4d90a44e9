import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeSafetensors } from '../../../src/models/safetensors.js';
import { type DType, fromFloat32, toFloat32 } from '../../../src/models/weights/halves.js';

const everyHalf = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const halvesOf = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.slice().buffer);

it.each<[DType, number]>([
  ['BF16', 0x7f80],
  ['F16', 0x7c00],
])(
  '%s: every number keeps its bits, and what lies between two goes to the nearer, or to the even one',
  (dtype, top) => {
    const values = toFloat32(new Uint8Array(everyHalf.slice().buffer), dtype);
    const back = halvesOf(fromFloat32(values, dtype));
    expect(everyHalf.every((half) => (half & 0x7fff) > top || back[half] === half)).toBe(true);
    const between = (share: number): Uint16Array => {
      const points = Float32Array.from({ length: top - 1 }, (_, i) => {
        const [low = 0, high = 0] = [values[i], values[i + 1]];
        return low + (high - low) * share;
      });
      return halvesOf(fromFloat32(points, dtype));
    };
    expect([...between(0.25)].every((half, i) => half === i)).toBe(true);
    expect([...between(0.75)].every((half, i) => half === i + 1)).toBe(true);
    expect([...between(0.5)].every((half, i) => half === i + (i % 2))).toBe(true);
    expect(toFloat32(new Uint8Array(fromFloat32(Float32Array.of(Number.NaN, -1e39), dtype)), dtype)).toEqual(
      Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY),
    );
  },
);

it('refuses what float16 cannot hold, by tensor and index', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'halves-')), 'a.safetensors');
  const data = Float32Array.of(65_519, -65_520);
  expect(() =>
    writeSafetensors(file, new Map([['x', { shape: [2], data }]]), { dtypes: new Map([['x', 'F16']]) }),
  ).toThrow('tensor x: value 1 is -65520, which float16 cannot hold');
});
