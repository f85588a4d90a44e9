import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { listSafetensors, type Tensor, writeSafetensors } from '../../../src/models/safetensors.js';
import { checkFinite, equalTensors } from '../../../src/models/weights/weight-values.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-weights-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BIG = (1 << 20) + 3;
function written(name: string, change: Record<string, Float32Array> = {}) {
  const tensors = new Map<string, Tensor>(
    Object.entries({ a: new Float32Array(BIG).fill(1), b: Float32Array.of(1, 2), ...change }).map(([key, data]) => [
      key,
      { shape: [data.length], data },
    ]),
  );
  const file = join(folder, `${name}.safetensors`);
  writeSafetensors(file, tensors);
  return listSafetensors(file);
}
const last = (value: number) => ({ a: new Float32Array(BIG).fill(1).fill(value, BIG - 1) });

describe('checkFinite', () => {
  it('takes finite values', () => {
    for (const place of written('fine')) checkFinite(place);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('names tensor and index of %s', (value) => {
    const [place] = written('broken', last(value));
    expect(() => place && checkFinite(place)).toThrow(
      `broken.safetensors: tensor a: value ${BIG - 1} is ${value}, expected a finite number`,
    );
  });
});

describe('equalTensors', () => {
  it('compares every value, and ignores a tensor that only one model has', () => {
    expect(equalTensors(written('one'), written('two'))).toBe(true);
    expect(equalTensors(written('one'), written('more', { c: Float32Array.of(1) }))).toBe(true);
    expect(equalTensors(written('one'), written('other', last(2)))).toBe(false);
    expect(equalTensors(written('one'), written('longer', { b: Float32Array.of(1, 2, 3) }))).toBe(false);
  });
});
