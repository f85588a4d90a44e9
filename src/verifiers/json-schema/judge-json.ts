import type { ErrorObject, ValidateFunction } from 'ajv';
import { kindOf } from '../../support/check.js';
import { UserError } from '../../support/errors.js';
import { clip } from '../code/outcome.js';
import type { Judgement } from '../verifier.js';
import { extractJson } from './extract.js';
import type { JsonSchemaSettings, JsonSchemaTask } from './settings.js';
import { validatorOf } from './validator.js';

/** JSON pointer to where the value lacks what is wanted. Undefined if it has everything. */
function missing(value: unknown, wanted: unknown, path = ''): string | undefined {
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

const firstOf = (found: readonly (string | undefined)[]): string | undefined => found.find((one) => one !== undefined);

/** @param open whether the schema may be quoted: an item's own is part of its reference */
function complaint(error: ErrorObject | undefined, open: boolean): string {
  if (!error) return 'the value is not valid';
  const { instancePath, keyword, message } = error;
  return `${instancePath || '/'} ${open && message ? message : `breaks "${keyword}"`}`;
}

const DEEP = 200;

const deeperThan = (value: unknown, depth: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth === 0 || Object.values(value).some((inner) => deeperThan(inner, depth - 1)));

function errorOf(validate: ValidateFunction, value: unknown, where: string, open: boolean): string | undefined {
  try {
    return validate(value) ? undefined : complaint(validate.errors?.[0], open);
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
