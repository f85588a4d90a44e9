import { nearest, UserError } from '../../support/errors.js';

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field of a config.json that is missing, malformed or not supported. */
export class FieldError extends UserError {
  constructor(
    message: string,
    /** The field of config.json that it is, or is in. */
    readonly field: string,
  ) {
    super('model-config', message);
  }
}

/** Fields of a JSON object of a config.json; each fails by its own name. */
export interface Fields {
  readonly file: string;
  readonly json: Json;
  fail(name: string, expected: string): never;
  /** Whether the field is there and not null. */
  has(name: string): boolean;
  /** Above 0. */
  number(name: string, fallback?: number): number;
  integer(name: string, fallback?: number): number;
  /** As `number`; undefined where the field is missing or null. */
  optional(name: string): number | undefined;
  flag(name: string, fallback: boolean): boolean;
}

/**
 * @param file names the object in errors
 * @param defaults are taken for fields that are missing; a null is no missing field
 * @param inside the field of config.json that the object is, where it is not the whole
 */
export function fieldsOf(given: Json, file: string, defaults: Json = {}, inside?: string): Fields {
  const json: Json = { ...defaults, ...given };
  const fields: Fields = {
    file,
    json,
    fail(name, expected) {
      const found = json[name];
      const near = found === undefined ? nearest(name, Object.keys(given)) : undefined;
      const hint = near ? ` (there is "${near}")` : '';
      throw new FieldError(
        `${file}: field "${name}" is ${found === undefined ? 'missing' : JSON.stringify(found)}${hint}; expected ` +
          `${expected}`,
        inside ?? name,
      );
    },
    has: (name) => json[name] !== undefined && json[name] !== null,
    number(name, fallback) {
      const value = json[name] ?? fallback;
      const isPositive = typeof value === 'number' && Number.isFinite(value) && value > 0;
      return isPositive ? value : fields.fail(name, 'a positive number');
    },
    integer(name, fallback) {
      const value = fields.number(name, fallback);
      return Number.isSafeInteger(value) ? value : fields.fail(name, 'a positive integer');
    },
    optional: (name) => (fields.has(name) ? fields.number(name) : undefined),
    flag(name, fallback) {
      const value = json[name] ?? fallback;
      return typeof value === 'boolean' ? value : fields.fail(name, 'true or false');
    },
  };
  return fields;
}
