import { Dict, Undefined, type Value } from './values.js';

/** A value of JSON as Python reads it. */
export function toValue(json: unknown): Value {
  switch (typeof json) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return json;
    case 'number':
      return Number.isSafeInteger(json) ? BigInt(json) : json;
    case 'undefined':
      return new Undefined('a value is undefined');
    default:
      if (json === null) return null;
      if (Array.isArray(json)) return json.map(toValue);
      return new Dict(Object.entries(json as object).map(([key, value]) => [key, toValue(value)]));
  }
}
