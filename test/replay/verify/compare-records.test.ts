import { describe, expect, it } from 'vitest';
import { compareRecords } from '../../../src/replay/verify/compare-records.js';
import type { LogRecord } from '../../../src/topics/log.js';

/** A record of a topic without a schema; its value is compared as bytes. */
const record = (change: Partial<LogRecord> = {}): LogRecord => ({
  topic: 'source',
  partition: 1,
  offset: 7n,
  timestamp: 0,
  key: 'a',
  value: Uint8Array.of(1, 2, 3),
  headers: {},
  ...change,
});

describe('compareRecords', () => {
  it('ignores time and transport headers', () => {
    const other = record({ timestamp: 5, headers: { traceparent: '00-1-2-01', schema: 'ab' } });
    expect(compareRecords('source', record(), other)).toBeNull();
  });

  it('names the place and the byte that differs', () => {
    expect(compareRecords('source', record(), record({ offset: 9n, value: Uint8Array.of(1, 9, 3) }))).toEqual({
      topic: 'source',
      partition: 1,
      offset: 7n,
      key: 'a',
      field: 'value[1]',
      expected: '0x02',
      found: '0x09',
    });
  });

  it.each([
    ['key', { key: 'b' }, { field: 'key', expected: '"a"', found: '"b"' }],
    ['header', { headers: { gap: 'x' } }, { field: 'headers.gap', expected: 'nothing', found: '"x"' }],
    ['length', { value: Uint8Array.of(1) }, { field: 'value.length', expected: '3', found: '1' }],
    ['gap', { value: null }, { field: 'value', expected: '3 bytes', found: 'null' }],
  ] as const)('names a different %s', (_, change, difference) => {
    expect(compareRecords('source', record(), record(change))).toMatchObject(difference);
  });

  it('reports a missing and an extra record', () => {
    const extra = { field: 'record', expected: 'nothing', found: 'a record', offset: 7n };
    expect(compareRecords('source', undefined, record())).toMatchObject(extra);
    const missing = { field: 'record', expected: 'a record', found: 'nothing', offset: 7n };
    expect(compareRecords('source', record(), undefined)).toMatchObject(missing);
  });

  it('skips ignored fields', () => {
    expect(compareRecords('source', record(), record({ key: 'b' }), new Set(['key']))).toBeNull();
  });

  it('throws when there is no record at all', () => {
    expect(() => compareRecords('source', undefined, undefined)).toThrow(
      'record of topic source to compare is missing',
    );
  });
});
