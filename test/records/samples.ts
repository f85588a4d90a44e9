import fc from 'fast-check';
import type { AvroSchema } from '../../src/topics/index.js';

/** Any value of an Avro type, as the generated TypeScript types have it. */
export function anyValue(schema: unknown, named = new Map<string, unknown>()): fc.Arbitrary<unknown> {
  const value = (part: unknown) => anyValue(part, named);
  if (Array.isArray(schema)) return fc.oneof(...schema.map(value));
  if (typeof schema === 'string' && named.has(schema)) return value(named.get(schema));
  switch (schema) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float':
      return fc.float({ noNaN: true });
    case 'double':
      return fc.double({ noNaN: true });
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 });
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 });
  }
  const complex = schema as {
    type: unknown;
    name?: string;
    logicalType?: string;
    items?: unknown;
    values?: unknown;
    symbols?: string[];
    fields?: AvroSchema['fields'];
  };
  if (complex.name !== undefined) named.set(complex.name, schema);
  if (complex.logicalType === 'timestamp-millis') return fc.integer({ min: 0, max: 4e12 });
  if (complex.type === 'array') return fc.array(value(complex.items), { maxLength: 4 });
  if (complex.type === 'map') {
    return fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), value(complex.values), {
      maxKeys: 4,
      noNullPrototype: true,
    });
  }
  if (complex.type === 'enum') return fc.constantFrom(...(complex.symbols ?? []));
  if (complex.type === 'record') {
    return fc.record(Object.fromEntries((complex.fields ?? []).map(({ name, type }) => [name, value(type)])));
  }
  return value(complex.type);
}
