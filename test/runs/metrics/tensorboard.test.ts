import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32c, eventFile } from '../../../src/runs/metrics/tensorboard.js';

it('an event file is framed as TFRecords', async () => {
  // The check value of CRC-32C.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  const events = fc.array(
    fc.record({
      time: fc.integer({ min: 0, max: 2 ** 31 }),
      step: fc.integer({ min: 0, max: 1e7 }),
      scalars: fc.array(fc.tuple(fc.string(), fc.float()), { maxLength: 4 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(events, async (list) => {
      const file = await eventFile(list);
      let [at, count] = [0, 0];
      for (; at < file.length; count++) at += 16 + Number(file.readBigUInt64LE(at));
      expect([at, count]).toEqual([file.length, list.length + 1]);
    }),
  );
});
