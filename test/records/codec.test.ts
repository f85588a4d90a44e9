import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AvroSchema, avroCodec } from '../../src/records/avro.js';
import { codecFor, schemaTopics } from '../../src/records/codec.js';
import { UserError } from '../../src/support/errors.js';
import type { Codec, Prompt, TopicRecords, Weights } from '../../src/topics/index.js';
import { anyValue } from './samples.js';

const prompt: Prompt = {
  run: 'r1',
  promptId: 'p1',
  itemId: 'i1',
  sequence: 2n ** 62n,
  step: 3,
  messages: [{ role: 'user', content: '1 + 2?' }],
  seed: -(2n ** 63n),
  source: 'chain-sum',
  level: null,
};

function failure(action: () => unknown): UserError {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('codecs', () => {
  it.each(schemaTopics())('%s: what goes in comes out, for any record', (topic) => {
    const codec: Codec<TopicRecords[keyof TopicRecords]> = codecFor(topic);
    fc.assert(
      fc.property(anyValue(codec.schema), (record) => {
        const bytes = codec.encode(record as TopicRecords[typeof topic]);
        const back = codec.decode(bytes);
        expect(back).toEqual(record);
        expect(codec.encode(back)).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });

  it('preserves 64-bit numbers exactly', () => {
    const { encode, decode } = codecFor('prompts');
    expect(decode(encode(prompt))).toEqual(prompt);
  });

  it('decodes optional fields to the plain value or null', () => {
    const { encode, decode } = codecFor('weights');
    const weights: Weights = {
      run: 'r',
      version: 1,
      parent: 0,
      step: 0,
      digest: 'd',
      offsets: [{ topic: 'prompts', partition: 0, offset: 5n }],
      location: null,
      chunk: { index: 0, count: 1, bytes: new Uint8Array([1, 2, 3]).subarray(1) },
      format: 'adapter',
    };
    const back = decode(encode(weights));
    expect(back).toEqual(weights);
    expect(back.chunk?.bytes).toEqual(new Uint8Array([2, 3]));
  });

  it.each([
    [{ ...prompt, step: 1.5 }, /prompts: field step is 1\.5; expected int/],
    [{ ...prompt, step: 2 ** 31 }, /field step is 2147483648; expected int/],
    [{ ...prompt, seed: 2n ** 63n }, /field seed is 9223372036854775808n; expected/],
    [{ ...prompt, messages: [{ role: 'robot', content: '' }] }, /field messages\.0\.role is "robot"; expected .*user/],
    [{ ...prompt, source: undefined }, /field source is missing; expected string/],
  ])('names topic, field, found and expected of a bad value', (bad, message) => {
    const error = failure(() => codecFor('prompts').encode(bad as unknown as Prompt));
    expect(error.code).toBe('bad-record');
    expect(error.message).toMatch(message);
  });

  it('rejects bytes that are not a record', () => {
    const { decode, encode } = codecFor('prompts');
    const bytes = encode(prompt);
    expect(failure(() => decode(bytes.subarray(0, -1))).message).toMatch(/prompts: .* bytes are not a valid Prompt/);
    expect(failure(() => decode(Buffer.concat([bytes, bytes]))).code).toBe('bad-record');
  });

  it('names the nearest topic', () => {
    expect(failure(() => codecFor('promts' as 'prompts')).message).toMatch(/did you mean prompts/);
  });
});

describe('records of another schema', () => {
  const schema = (...fields: AvroSchema['fields']): AvroSchema => ({ type: 'record', name: 'Note', fields });
  const old = schema({ name: 'a', type: 'int' }, { name: 'gone', type: 'string' });
  const now = schema({ name: 'a', type: 'long' }, { name: 'b', type: ['null', 'string'], default: null });

  it('are read with the schema that wrote them', () => {
    const writer = avroCodec<{ a: number; gone: string }>('notes', old);
    const reader = avroCodec<{ a: bigint; b: string | null }>('notes', now, [old]);
    const bytes = writer.encode({ a: 7, gone: 'x' });
    expect(reader.decode(bytes, writer.fingerprint)).toEqual({ a: 7n, b: null });
    expect(reader.decode(bytes, writer.fingerprint)).toEqual({ a: 7n, b: null });
  });

  it('are rejected if that schema is unknown', () => {
    const error = failure(() => avroCodec('notes', now).decode(new Uint8Array([1]), 'feed'));
    expect(error.code).toBe('unknown-schema');
    expect(error.message).toMatch(/notes: .*feed/);
  });

  it('are rejected if that schema is incompatible', () => {
    const other = schema({ name: 'a', type: 'string' });
    const writer = avroCodec<{ a: string }>('notes', other);
    const error = failure(() => avroCodec('notes', now, [other]).decode(writer.encode({ a: 'x' }), writer.fingerprint));
    expect(error.code).toBe('unknown-schema');
  });

  it('have another fingerprint; comments do not change it', () => {
    expect(avroCodec('notes', now).fingerprint).not.toBe(avroCodec('notes', old).fingerprint);
    const commented = schema(...old.fields.map((field) => ({ ...field, doc: 'why' })));
    expect(avroCodec('notes', commented).fingerprint).toBe(avroCodec('notes', old).fingerprint);
  });
});

it.each([
  ['a map', 'metrics', { run: 'r', stage: 'learn', step: 1, time: 2, values: { a: 1 }, message: null }, '020261'],
  ['a list', 'prompts', { ...prompt, messages: [{ role: 'user', content: 'y' }] }, '02020279'],
] as const)('a damaged count of %s is refused before anything is read', (_, topic, record, start) => {
  const codec: Codec<TopicRecords[keyof TopicRecords]> = codecFor(topic);
  const hex = Buffer.from(codec.encode(record as unknown as TopicRecords[typeof topic])).toString('hex');
  const at = hex.indexOf(start);
  expect(at).toBeGreaterThan(0);
  // A billion, as Avro writes it, in place of 1.
  const bytes = Buffer.from(`${hex.slice(0, at)}80a8d6b907${hex.slice(at + 2)}`, 'hex');
  expect(failure(() => codec.decode(bytes)).message).toMatch(/: 1000000000 items in \d+ bytes$/);
});
