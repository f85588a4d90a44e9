import fc from 'fast-check';
import { expect, it } from 'vitest';
import { microBatches } from '../../../src/engines/onnx/train-batches.js';

it('micro-batches contain every row once, of one temperature, within their size', () => {
  const shapes = fc.array(fc.record({ length: fc.integer({ min: 2, max: 32 }), warm: fc.boolean() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 100 }), (all, size) => {
      const rows = all.map(({ length, warm }) => ({ tokens: new Int32Array(length), temperature: warm ? 0.5 : 1 }));
      const batches = microBatches(rows, size);
      expect(new Set(batches.flat())).toEqual(new Set(rows));
      expect(batches.flat()).toHaveLength(rows.length);
      for (const batch of batches) {
        expect(new Set(batch.map(({ temperature }) => temperature)).size).toBe(1);
        const width = Math.max(...batch.map(({ tokens }) => tokens.length)) - 1;
        expect(batch.length === 1 || batch.length * width <= size).toBe(true);
      }
    }),
  );
});
