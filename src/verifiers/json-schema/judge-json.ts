import type { ErrorObject } from 'ajv';
import { kindOf } from '../../support/check.js';
import { compareDecimals } from '../../support/decimal.js';
import { UserError } from '../../support/errors.js';
import { ExactNumber, exactDecimal } from '../../support/exact-json.js';
import { clip } from '../code/outcome.js';
import type { Judgement } from '../verifier.js';
import { extractJson } from './extract.js';
import { asNamed, beyondDoubles } from './numbers.js';
import type { JsonSchemaSettings, JsonSchemaTask } from './settings.js';
import { type Validator, validatorOf } from './validator.js';

/** JSON pointer to where the value lacks what is wanted. Undefined if it has everything. */
function missing(value: unknown, wanted: unknown, path = ''): string | undefined {
  if (isNumber(value) && isNumber(wanted)) {
    return compareDecimals(exactDecimal(value), exactDecimal(wanted)) === 0 ? undefined : path || '/';
  }
  if (isNumber(value) || isNumber(wanted)) return path || '/';
  if (typeof wanted !== 'object' || wanted === null) return value === wanted ? undefined : path || '/';
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return path || '/';
    return firstOf(wanted.map((one, i) => missing(value[i], one, `${path}/${i}`)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return path || '/';
  return firstOf(
    Object.entries(wanted).map(([name, one]) =>
      Object.hasOwn(value, name)
        ? missing((value as Readonly<Record<string, unknown>>)[name], one, `${path}/${name}`)
        : path || '/',
    ),
  );
}

const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber;

const firstOf = (found: readonly (string | undefined)[]): string | undefined => found.find((one) => one !== undefined);

/** @param open whether the schema may be quoted: an item's own is part of its reference */
function complaint({ instancePath, keyword, message }: ErrorObject, open: boolean): string {
  return asNamed(`${instancePath || '/'} ${open && message ? message : `breaks "${keyword}"`}`);
}

const DEEP = 200;

const deeperThan = (value: unknown, depth: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth === 0 || Object.values(value).some((inner) => deeperThan(inner, depth - 1)));

function errorOf(validate: Validator, value: unknown, where: string, open: boolean): string | undefined {
  try {
    const huge = beyondDoubles(value);
    if (huge !== undefined) return `the number ${clip(huge, 50)} is beyond the range of doubles`;
    const error = validate(value);
    return error && complaint(error, open);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // The validator recurses as deep as the value is nested.
    if (deeperThan(value, DEEP)) return 'the value is nested too deeply';
    throw new UserError('bad-schema', `${where}: the schema refers to itself without end`);
  }
}

/** Validates the JSON in a completion. @throws {UserError} if there is no schema, or one that does not compile */
export function judgeJsonSchema(
  settings: JsonSchemaSettings,
  task: JsonSchemaTask,
  completion: string,
  where: string,
): Judgement {
  const schema = task.schema ?? settings.schema;
  if (schema === undefined)
    throw new UserError('no-schema', `${where}.schema: found ${kindOf(schema)}, expected a JSON schema`);
  const validate = validatorOf(schema, `${where}.schema`, task.schema === undefined);
  const found = extractJson(completion, settings.bare);
  if (!found) {
    const reason = settings.bare ? 'the completion is not JSON' : 'no JSON value found';
    return { verdict: 'unparseable', reward: 0, reason, evidence: {} };
  }
  const evidence = { json: clip(found.text, 2000) };
  const error = errorOf(validate, found.value, `${where}.schema`, task.schema === undefined);
  if (error !== undefined) {
    return {
      verdict: 'incorrect',
      reward: 0,
      reason: `the value breaks the schema: ${clip(error, 200)}`,
      evidence: { ...evidence, error: clip(error) },
    };
  }
  const path = task.values === undefined ? undefined : missing(found.value, task.values);
  if (path !== undefined) {
    return {
      verdict: 'incorrect',
      reward: 0,
      reason: `the value at ${clip(path, 200)} is not the expected one`,
      evidence,
    };
  }
  return { verdict: 'correct', reward: 1, reason: 'the value fits the schema', evidence };
}
