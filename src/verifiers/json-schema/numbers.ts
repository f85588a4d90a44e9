import type { Ajv, FuncKeywordDefinition } from 'ajv';
import { compareDecimals, type Decimal, decimalKey, isMultipleOf, isWhole } from '../../support/decimal.js';
import { ExactNumber, exactDecimal } from '../../support/exact-json.js';

// ajv computes with doubles. Where a number has more digits than a double keeps, ajv sees a double of the same type
// (whole or not) in its place, and the keywords that look at its value ask here for the number as it was written.

type Holder = object;
const written = new WeakMap<Holder, Map<string, ExactNumber>>();

function standIn(number: ExactNumber): number {
  const value = Number(number.text);
  const whole = isWhole(exactDecimal(number));
  if (Number.isFinite(value) && Number.isInteger(value) === whole) return value;
  const size = whole ? Number.MAX_VALUE : 0.5;
  return number.text.startsWith('-') ? -size : size;
}

/** The first number of a JSON value that no double comes near, such as `1e400`. */
export function beyondDoubles(value: unknown): string | undefined {
  if (value instanceof ExactNumber) return Number.isFinite(Number(value.text)) ? undefined : value.text;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const inner of Object.values(value)) {
    const found = beyondDoubles(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

// ajv ignores properties called `__proto__`. The schema and the value get another name of the same length instead.
const PROTO = '__proto__';
const PROTO_STAND_IN = '__proto_\uE001';

const nameForAjv = (name: string): string => (name === PROTO ? PROTO_STAND_IN : name);

/** A text of ajv's with the names of the value in it. */
export const asNamed = (text: string): string => text.replaceAll(PROTO_STAND_IN, PROTO);

/** A JSON value as ajv takes it: its `ExactNumber`s replaced by doubles of the same type, and `__proto__` renamed. */
export function forAjv(value: unknown): unknown {
  if (value instanceof ExactNumber) return standIn(value);
  if (typeof value === 'string') return nameForAjv(value);
  if (typeof value !== 'object' || value === null) return value;
  const exact = new Map<string, ExactNumber>();
  const replace = (inner: unknown, name: string): unknown => {
    if (inner instanceof ExactNumber) exact.set(name, inner);
    return forAjv(inner);
  };
  const copy: object = Array.isArray(value)
    ? value.map((inner, i) => replace(inner, String(i)))
    : Object.fromEntries(
        Object.entries(value).map(([given, inner]) => {
          const name = nameForAjv(given);
          return [name, replace(inner, name)];
        }),
      );
  if (exact.size > 0) written.set(copy, exact);
  return copy;
}

/** The number that `forAjv` found under a name, as it was written. */
function writtenAt(value: number, holder: unknown, name: string | number): number | ExactNumber {
  const numbers = typeof holder === 'object' && holder !== null ? written.get(holder) : undefined;
  return numbers?.get(String(name)) ?? value;
}

/**
 * A text that is the same for equal JSON values only. Numbers compare as written, the order of an object's fields does
 * not count.
 */
export function canonical(value: unknown, holder: unknown, name: string | number): string {
  if (typeof value === 'number') {
    const number = writtenAt(value, holder, name);
    return number instanceof ExactNumber || Number.isFinite(number) ? decimalKey(exactDecimal(number)) : String(number);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((inner, i) => canonical(inner, value, i)).join()}]`;
  const fields = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner, value, key)}`);
  return `{${fields.sort().join()}}`;
}

type Check = (value: Decimal, limit: Decimal) => boolean;

function numeric(keyword: string, words: string, holds: Check): FuncKeywordDefinition {
  return {
    keyword,
    type: 'number',
    schemaType: 'number',
    error: { message: `must ${words} the schema's "${keyword}"` },
    compile(limit: number, parent) {
      const exact = exactDecimal(writtenAt(limit, parent, keyword));
      return (data: number, at) =>
        holds(exactDecimal(writtenAt(data, at?.parentData, at?.parentDataProperty ?? '')), exact);
    },
  };
}

const keywords: readonly FuncKeywordDefinition[] = [
  numeric('minimum', 'not be below', (value, limit) => compareDecimals(value, limit) >= 0),
  numeric('maximum', 'not exceed', (value, limit) => compareDecimals(value, limit) <= 0),
  numeric('exclusiveMinimum', 'be above', (value, limit) => compareDecimals(value, limit) > 0),
  numeric('exclusiveMaximum', 'be below', (value, limit) => compareDecimals(value, limit) < 0),
  numeric('multipleOf', 'be a multiple of', isMultipleOf),
  {
    keyword: 'const',
    error: { message: 'must be equal to constant' },
    compile(wanted: unknown, parent) {
      const key = canonical(wanted, parent, 'const');
      return (data: unknown, at) => canonical(data, at?.parentData, at?.parentDataProperty ?? '') === key;
    },
  },
  {
    keyword: 'enum',
    schemaType: 'array',
    error: { message: 'must be equal to one of the allowed values' },
    compile(wanted: unknown[]) {
      const keys = new Set(wanted.map((one, i) => canonical(one, wanted, i)));
      return (data: unknown, at) => keys.has(canonical(data, at?.parentData, at?.parentDataProperty ?? ''));
    },
  },
  {
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    compile(unique: boolean) {
      return (data: unknown[]) =>
        !unique || new Set(data.map((item, i) => canonical(item, data, i))).size === data.length;
    },
  },
];

/** Replaces ajv's keywords that compare numbers. */
export function addNumberKeywords(engine: Ajv): void {
  for (const definition of keywords) {
    engine.removeKeyword(String(definition.keyword));
    engine.addKeyword(definition);
  }
}
