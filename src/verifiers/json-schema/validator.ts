import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formatsPlugin, { type FormatsPlugin } from 'ajv-formats';
import { kindOf } from '../../support/check.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { stringifyExact } from '../../support/exact-json.js';
import { required } from '../../support/required.js';
import { clip } from '../code/outcome.js';
import { checkEmptyValues } from './empty-values.js';
import { formats } from './formats.js';
import { addNumberKeywords, forAjv } from './numbers.js';

/** A pattern that JavaScript's regular expressions cannot express. */
class PatternError extends Error {
  constructor(
    readonly pattern: string,
    readonly problem: string,
  ) {
    super(`${pattern}: ${problem}`);
  }
}

// Patterns should be Unicode ones; those that are malformed as such are read without the flag.
const regExp = Object.assign(
  (pattern: string, flags: string): RegExp => {
    try {
      return new RegExp(pattern, flags);
    } catch {
      try {
        return new RegExp(pattern);
      } catch (cause) {
        throw new PatternError(pattern, cause instanceof Error ? cause.message : String(cause));
      }
    }
  },
  { code: 'new RegExp' },
);

const options = {
  strict: false,
  // Infinite numbers are invalid.
  strictNumbers: true,
  logger: false,
  // Only own fields count: every object inherits a "constructor".
  ownProperties: true,
  code: { regExp },
} as const;

function prepared(engine: Ajv): Ajv {
  (formatsPlugin as unknown as FormatsPlugin)(engine);
  for (const [name, format] of Object.entries(formats)) engine.addFormat(name, format);
  addNumberKeywords(engine);
  checkEmptyValues(engine);
  return engine;
}

interface Draft {
  readonly name: RegExp;
  readonly id: string;
  /** An engine for one schema. It is shared, so that the draft's own schema is compiled once. */
  open(schema: AnySchema): Ajv;
  /** Whether the draft's own schema accepts a schema. */
  accepts(schema: AnySchema): boolean;
}

function draft(name: RegExp, id: string, open: () => Ajv): Draft {
  let checker: Ajv | undefined;
  let shared: Ajv | undefined;
  const accepts = (schema: AnySchema) => {
    checker ??= open();
    return checker.validateSchema(schema) === true;
  };
  const engineOf = (schema: AnySchema) => {
    // Identifiers of two schemas would clash.
    if (hasIdentifiers(schema)) return prepared(open());
    shared ??= prepared(open());
    return shared;
  };
  return { name, id, open: engineOf, accepts };
}

const IDENTIFIERS = new Set(['$id', 'id', '$anchor', '$dynamicAnchor', '$recursiveAnchor']);
const hasIdentifiers = (schema: AnySchema): boolean => namesIn(schema).some((name) => IDENTIFIERS.has(name));

/** The names of all fields, at any depth. */
function namesIn(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const inner = Object.values(schema).flatMap(namesIn);
  return Array.isArray(schema) ? inner : [...Object.keys(schema), ...inner];
}

const drafts: readonly Draft[] = [
  draft(
    /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/,
    'https://json-schema.org/draft/2020-12/schema',
    () => new Ajv2020(options),
  ),
  draft(
    /^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/,
    'https://json-schema.org/draft/2019-09/schema',
    () => new Ajv2019(options),
  ),
  draft(
    /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/,
    'http://json-schema.org/draft-07/schema',
    () => new Ajv(options),
  ),
];

/** The engine for the draft that the schema names, or else for the newest draft in which it is valid. */
function engineFor(schema: AnySchema, where: string): { readonly engine: Ajv; readonly schema: AnySchema } {
  const named: unknown = typeof schema === 'object' ? schema.$schema : undefined;
  if (named === undefined) {
    const newest = drafts.find(({ accepts }) => accepts(schema)) ?? drafts[0];
    if (newest) return { engine: newest.open(schema), schema };
  }
  const found = drafts.find(({ name }) => typeof named === 'string' && name.test(named));
  if (found && typeof schema === 'object') {
    const own = { ...schema, $schema: found.id };
    return { engine: found.open(own), schema: own };
  }
  throw new UserError('bad-schema', `${where}.$schema: found ${kindOf(named)}, expected draft-07, 2019-09 or 2020-12`);
}

/** Validates a JSON value, which may contain `ExactNumber`s. The first error, or undefined if the value is valid. */
export type Validator = (value: unknown) => ErrorObject | undefined;

const validators = new Map<string, Validator>();
const KEEP = 1000;

/**
 * Whether a schema has `unevaluatedItems` and `contains`, after which ajv takes every item for evaluated, where the
 * drafts say those that match (2020-12) or none (2019-09).
 */
function isUnsupported(schema: AnySchema): boolean {
  const names = new Set(namesIn(schema));
  return names.has('contains') && names.has('unevaluatedItems');
}

/**
 * Compiles a schema of draft 7, 2019-09 or 2020-12.
 * @param open whether an error may quote the schema
 */
export function validatorOf(schema: AnySchema, where: string, open: boolean): Validator {
  const key = digest(stringifyExact(schema));
  const known = validators.get(key);
  if (known) return known;
  if (isUnsupported(schema)) {
    throw new UserError(
      'bad-schema',
      `${where}: found unevaluatedItems together with contains, which is not supported`,
    );
  }
  const { engine, schema: own } = engineFor(forAjv(schema) as AnySchema, where);
  if (typeof schema === 'object' && schema.$async !== undefined) {
    throw new UserError('bad-schema', `${where}.$async: asynchronous schemas are refused`);
  }
  const validate = compiled(engine, own, where, open);
  const validator: Validator = (value) => {
    // The keywords of numbers look up the root value, too, in what holds it.
    const holder = forAjv({ value }) as { value: unknown };
    const at = {
      instancePath: '',
      parentData: holder,
      parentDataProperty: 'value',
      rootData: holder,
      dynamicAnchors: {},
    };
    return validate(holder.value, at) ? undefined : required(validate.errors?.[0], 'error');
  };
  if (validators.size >= KEEP) validators.clear();
  validators.set(key, validator);
  return validator;
}

function compiled(engine: Ajv, schema: AnySchema, where: string, open: boolean): ValidateFunction {
  try {
    // Nothing is fetched: references to other documents do not resolve.
    return engine.compile(schema);
  } catch (cause) {
    if (cause instanceof PatternError) {
      throw new UserError(
        'bad-schema',
        `${where}: the pattern ${JSON.stringify(clip(cause.pattern, 100))} is not a regular expression of ` +
          'JavaScript: ' +
          `${clip(cause.problem, 200)}`,
      );
    }
    const message = cause instanceof Error ? cause.message : String(cause);
    const what = cause instanceof Ajv.MissingRefError ? 'a reference does not resolve (nothing is fetched)' : '';
    throw new UserError(
      'bad-schema',
      `${where}: the schema does not compile${what && `: ${what}`}${open ? `: ${clip(message, 200)}` : ''}`,
    );
  } finally {
    // A shared engine would keep every schema.
    if (typeof schema === 'object') engine.removeSchema(schema);
  }
}
