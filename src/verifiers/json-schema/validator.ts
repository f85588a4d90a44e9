import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formatsPlugin, { type FormatsPlugin } from 'ajv-formats';
import { kindOf } from '../../support/check.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { clip } from '../code/outcome.js';

/** Exact in decimal: 19.99 is a multiple of 0.01, though not in binary. */
function isMultiple(step: number, value: number): boolean {
  const [[a, p], [b, q]] = [decimal(value), decimal(step)];
  const scale = Math.max(p, q);
  return b !== 0n && (a * 10n ** BigInt(scale - p)) % (b * 10n ** BigInt(scale - q)) === 0n;
}

/** The digits as a whole number, and how many of them are decimals (negative for large numbers). */
function decimal(value: number): readonly [digits: bigint, places: number] {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return [BigInt(whole + fraction), fraction.length - Number(exponent)];
}

// Patterns should be Unicode ones; those that are malformed as such are read without the flag.
const regExp = Object.assign(
  (pattern: string, flags: string): RegExp => {
    try {
      return new RegExp(pattern, flags);
    } catch {
      return new RegExp(pattern);
    }
  },
  { code: 'new RegExp' },
);

// Only own fields count: every object inherits a "constructor". Infinite numbers are invalid.
const options = { strict: false, strictNumbers: true, logger: false, ownProperties: true, code: { regExp } } as const;

const engines: readonly { readonly name: RegExp; readonly id: string; open(): Ajv }[] = [
  {
    name: /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/,
    id: 'https://json-schema.org/draft/2020-12/schema',
    open: () => new Ajv2020(options),
  },
  {
    name: /^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/,
    id: 'https://json-schema.org/draft/2019-09/schema',
    open: () => new Ajv2019(options),
  },
  {
    name: /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/,
    id: 'http://json-schema.org/draft-07/schema',
    open: () => new Ajv(options),
  },
];

/** The engine for the draft that the schema names, or else for the newest draft in which it is valid. */
function engineFor(schema: AnySchema, where: string): { readonly engine: Ajv; readonly schema: AnySchema } {
  const named: unknown = typeof schema === 'object' ? schema.$schema : undefined;
  if (named === undefined) {
    const all = engines.map(({ open }) => open());
    const engine = all.find((one) => one.validateSchema(schema) === true) ?? all[0];
    if (engine) return { engine, schema };
  }
  const found = engines.find(({ name }) => typeof named === 'string' && name.test(named));
  if (found && typeof schema === 'object') return { engine: found.open(), schema: { ...schema, $schema: found.id } };
  throw new UserError('bad-schema', `${where}.$schema: found ${kindOf(named)}, expected draft-07, 2019-09 or 2020-12`);
}

const validators = new Map<string, ValidateFunction>();
const KEEP = 1000;

/**
 * Compiles a schema of draft 7, 2019-09 or 2020-12.
 * @param open whether an error may quote the schema
 */
export function validatorOf(schema: AnySchema, where: string, open: boolean): ValidateFunction {
  const key = digest(JSON.stringify(schema));
  const known = validators.get(key);
  if (known) return known;
  const { engine, schema: own } = engineFor(schema, where);
  (formatsPlugin as unknown as FormatsPlugin)(engine);
  engine.removeKeyword('multipleOf');
  engine.addKeyword({ keyword: 'multipleOf', type: 'number', schemaType: 'number', validate: isMultiple });
  if (typeof schema === 'object' && schema.$async !== undefined) {
    throw new UserError('bad-schema', `${where}.$async: asynchronous schemas are refused`);
  }
  let validate: ValidateFunction;
  try {
    // Nothing is fetched: references to other documents do not resolve.
    validate = engine.compile(own);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const quoted = open ? `: ${clip(message, 200)}` : '';
    throw new UserError('bad-schema', `${where}: the schema does not compile (remote references are refused)${quoted}`);
  }
  if (validators.size >= KEEP) validators.clear();
  validators.set(key, validate);
  return validate;
}
