import { TemplateError, UnsupportedError } from '../../errors.js';
import { binary } from '../arithmetic.js';
import { isNumeric, numberOf } from '../compare.js';
import { roundedQuotient, scaledInteger } from '../format.js';
import { integer } from '../string-methods.js';
import { parseDecimal, parseInteger } from '../strings.js';
import { defined, SafeText, typeName, unsupported, type Value } from '../values.js';
import { type Filter, filter } from './filter.js';

export const numberFilters: Readonly<Record<string, Filter>> = {
  abs: filter((value) => {
    const number = numeral('abs', value);
    return number < 0 ? -number : typeof number === 'number' ? Math.abs(number) : number;
  }),
  int: filter(toInteger, ['default', 0n], ['base', 10n]),
  float: filter((value, fallback = 0) => toFloat(value) ?? fallback, ['default', 0]),
  round: filter(round, ['precision', 0n], ['method', 'common']),
};

function numeral(name: string, value: Value): bigint | number {
  if (!isNumeric(value)) throw new TemplateError(`${name} takes a number, found ${typeName(defined(value))}`);
  return numberOf(value);
}

/** `undefined` where Python's `float()` fails. */
function toFloat(value: Value): number | undefined {
  if (value instanceof SafeText) throw unsupported(value, 'a filter on');
  if (typeof value === 'string') return parseDecimal(value);
  if (!isNumeric(value)) return defined(value) === undefined ? undefined : undefined;
  const number = Number(numberOf(value));
  if (!Number.isFinite(number) && typeof value === 'bigint') throw new TemplateError('an int is too large for a float');
  return number;
}

function toInteger(value: Value, fallback: Value = 0n, base: Value = 10n): Value {
  if (typeof value === 'string') {
    const radix = integer('int', base);
    if (radix < 2 || radix > 36) throw new UnsupportedError('int: bases other than 2 to 36 are not supported');
    const parsed = parseInteger(value, radix);
    if (parsed !== undefined) return parsed;
  }
  if (isNumeric(value)) {
    const number = numberOf(value);
    if (typeof number === 'bigint') return number;
    if (number === Number.POSITIVE_INFINITY || number === Number.NEGATIVE_INFINITY)
      throw new TemplateError('int does not take infinity');
  }
  const float = toFloat(value);
  return float === undefined || !Number.isFinite(float) ? fallback : BigInt(Math.trunc(float));
}

/** Python's `round`, half to even; an int stays an int. `ceil` and `floor` give a float. */
function round(value: Value, precision: Value = 0n, method: Value = 'common'): Value {
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    throw new TemplateError('round: method is "common", "ceil" or "floor"');
  const number = numeral('round', value);
  const decimals = integer('round', precision);
  if (Math.abs(decimals) > 100) throw new UnsupportedError('round: more than 100 decimals are not supported');
  if (method !== 'common') {
    if (decimals < 0) throw new UnsupportedError(`round: ${method} with a negative precision is not supported`);
    const factor = 10n ** BigInt(decimals);
    const scaled = binary('*', number, factor);
    const whole =
      typeof scaled === 'number' ? BigInt(method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled)) : scaled;
    return binary('/', whole, factor);
  }
  if (typeof number === 'bigint') {
    if (decimals >= 0) return number;
    const power = 10n ** BigInt(-decimals);
    return roundedQuotient(number, power) * power;
  }
  if (!Number.isFinite(number)) return number;
  const rounded = Number(`${scaledInteger(number, decimals)}e${-decimals}`);
  return number < 0 || Object.is(number, -0) ? -Math.abs(rounded) : rounded;
}
