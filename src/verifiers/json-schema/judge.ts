import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formatsPlugin, { type FormatsPlugin } from 'ajv-formats';
import { digest } from '../../digest.js';
import { UserError } from '../../errors.js';
import { codeBlocks } from '../code/block.js';
import { clip } from '../code/outcome.js';
import { at, describe, type Fields, optional, readBoolean, readObject } from '../fields.js';
import type { Judgement } from '../verifier.js';

export interface JsonSchemaSettings {
  /** Used where an item brings no schema of its own. */
  readonly schema?: AnySchema;
  /** A completion must be the JSON and nothing else. */
  readonly bare: boolean;
}

export interface JsonSchemaTask {
  readonly schema?: AnySchema;
  /** Values that must be there: every field of it, at any depth, must be in the completion's value and equal. */
  readonly values?: unknown;
}

export function readJsonSchemaSettings(value: unknown, where: string): JsonSchemaSettings {
  const fields = readObject(value, where, ['schema', 'bare']);
  const settings = {
    ...readJsonSchemaTask(fields, where),
    bare: optional(fields, 'bare', () => readBoolean(fields, 'bare', where), false),
  };
  if (settings.schema !== undefined) validatorOf(settings.schema, `${where}.schema`);
  return settings;
}

/** Reads `{"schema", "values"}`, both optional. */
export function readJsonSchemaTask(fields: Fields, where: string): JsonSchemaTask {
  const { schema, values } = fields;
  if (schema !== undefined && schema !== null && typeof schema !== 'boolean') readObject(schema, at(where, 'schema'));
  return {
    ...(schema === undefined || schema === null ? {} : { schema: schema as AnySchema }),
    ...(values === undefined ? {} : { values }),
  };
}

// Each try may read to the end: a bound keeps a text of brackets alone from taking the square of its length.
const MOST_TRIES = 1000;

/** The JSON of a completion: the last fenced block that parses, the whole text, or the last outermost object or list in it. */
export function extractJson(
  completion: string,
  bare: boolean,
): { readonly value: unknown; readonly text: string } | undefined {
  const parse = (text: string) => {
    try {
      return { value: JSON.parse(text) as unknown, text: text.trim() };
    } catch {
      return undefined;
    }
  };
  const whole = parse(completion);
  if (whole || bare) return whole;
  const blocks = codeBlocks(completion).filter(({ language }) => ['', 'json', 'jsonc', 'json5'].includes(language));
  for (const block of blocks.reverse()) {
    const found = parse(block.code);
    if (found) return found;
  }
  let last: ReturnType<typeof parse>;
  for (let i = 0, tries = 0; i < completion.length && tries < MOST_TRIES; i++) {
    if (completion[i] !== '{' && completion[i] !== '[') continue;
    tries += 1;
    const end = endOfValue(completion, i);
    const found = end === undefined ? undefined : parse(completion.slice(i, end));
    if (!found || end === undefined) continue;
    last = found;
    i = end - 1;
  }
  return last;
}

/** One past the bracket that closes the one at `start`; brackets in strings do not count. */
function endOfValue(text: string, start: number): number | undefined {
  const open: string[] = [];
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']');
    } else if (char === '}' || char === ']') {
      if (open.pop() !== char) return undefined;
      if (open.length === 0) return i + 1;
    }
  }
  return undefined;
}

const validators = new Map<string, ValidateFunction>();
const KEEP = 1000;

/** Compiles a schema of draft 7, 2019-09 or 2020-12 (by its `$schema`; 2020-12 where it names none). */
function validatorOf(schema: AnySchema, where: string): ValidateFunction {
  const key = digest(JSON.stringify(schema));
  const known = validators.get(key);
  if (known) return known;
  const named = typeof schema === 'object' && typeof schema.$schema === 'string' ? schema.$schema : '';
  const draft = named === '' ? 'https://json-schema.org/draft/2020-12/schema' : named.replace(/#$/, '');
  const options = { strict: false, allErrors: false, validateFormats: true };
  const engines: Record<string, () => Ajv> = {
    'http://json-schema.org/draft-07/schema': () => new Ajv(options),
    'https://json-schema.org/draft/2019-09/schema': () => new Ajv2019(options),
    'https://json-schema.org/draft/2020-12/schema': () => new Ajv2020(options),
  };
  const engine = engines[draft]?.();
  if (!engine) {
    throw new UserError('bad-schema', `${where}.$schema: found "${named}", expected draft-07, 2019-09 or 2020-12`);
  }
  (formatsPlugin as unknown as FormatsPlugin)(engine);
  if (typeof schema === 'object' && schema.$async !== undefined) {
    throw new UserError('bad-schema', `${where}.$async: asynchronous schemas are refused`);
  }
  let validate: ValidateFunction;
  try {
    // Nothing is fetched: a reference to another document is one that cannot be resolved.
    validate = engine.compile(schema);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      'bad-schema',
      `${where}: the schema does not compile (remote references are refused): ${clip(message, 200)}`,
    );
  }
  if (validators.size >= KEEP) validators.clear();
  validators.set(key, validate);
  return validate;
}

/** Where the value lacks what is wanted, as a JSON pointer; undefined where it has everything. */
function missing(value: unknown, wanted: unknown, path = ''): string | undefined {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(value, wanted) ? undefined : path || '/';
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return path || '/';
    return firstOf(wanted.map((one, i) => missing(value[i], one, `${path}/${i}`)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return path || '/';
  return firstOf(
    Object.entries(wanted).map(([name, one]) =>
      Object.hasOwn(value, name) ? missing((value as Fields)[name], one, `${path}/${name}`) : `${path}/${name}`,
    ),
  );
}

const firstOf = (found: readonly (string | undefined)[]): string | undefined => found.find((one) => one !== undefined);

const complaint = (error: ErrorObject | undefined): string =>
  error ? `${error.instancePath || '/'} ${error.message ?? error.keyword}` : 'the value is not valid';

/** Validates the JSON in a completion. Rejects where the item has no schema, or one that does not compile. */
export function judgeJsonSchema(
  settings: JsonSchemaSettings,
  task: JsonSchemaTask,
  completion: string,
  where: string,
): Judgement {
  const schema = task.schema ?? settings.schema;
  if (schema === undefined)
    throw new UserError('no-schema', `${where}.schema: found ${describe(schema)}, expected a JSON schema`);
  const validate = validatorOf(schema, `${where}.schema`);
  const found = extractJson(completion, settings.bare);
  if (!found) {
    const reason = settings.bare ? 'the completion is not JSON' : 'no JSON value found';
    return { verdict: 'unparseable', reward: 0, reason, evidence: {} };
  }
  const evidence = { json: clip(found.text, 2000) };
  if (!validate(found.value)) {
    const error = complaint(validate.errors?.[0]);
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
