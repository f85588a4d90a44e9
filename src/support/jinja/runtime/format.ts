import { TemplateError, UnsupportedError } from '../errors.js';
import { spendCharacters } from './budget.js';
import { isNumeric, numberOf } from './compare.js';
import { representationOf, textOf } from './text.js';
import { Callable, Dict, type Keywords, Namespace, Stream, Tuple, typeName, type Value, View } from './values.js';

/** `text % values` with %s, %r, %d, %i, %f, a width and a precision. @throws {TemplateError} */
export function formatPercent(text: string, values: Value): string {
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const result = text.replace(
    /%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([\s\S]?)/g,
    (whole, name?: string, flags?: string, width?: string, precision?: string, kind?: string) => {
      if (whole === '%%') return '%';
      if (flags || width || !kind || !'srdif'.includes(kind) || (precision !== undefined && kind !== 'f'))
        throw new UnsupportedError(`the format ${whole} is not supported; %s, %r, %d and %.2f are`);
      const value = name === undefined ? items[used++] : values instanceof Dict ? values.get(name) : undefined;
      if (value === undefined) throw new TemplateError(`the format ${whole} has no value`);
      return formatted(value, kind, precision === undefined ? 6 : Number(precision));
    },
  );
  if (used < items.length && values instanceof Tuple)
    throw new TemplateError(`the format ${JSON.stringify(text)} takes fewer values than the ${items.length} given`);
  // Anything with items could be a mapping for %(name)s, so that it is not used is no error.
  if (used === 0 && (values === null || typeof values !== 'object' || hasNoItems(values)))
    throw new TemplateError(`the format ${JSON.stringify(text)} takes no value`);
  spendCharacters(result.length);
  return result;
}

const hasNoItems = (value: Value): boolean =>
  value instanceof Callable || value instanceof Namespace || value instanceof Stream || value instanceof View;

function formatted(value: Value, kind: string, precision: number): string {
  if (kind === 's') return textOf(value);
  if (kind === 'r') return representationOf(value);
  if (!isNumeric(value)) throw new TemplateError(`%${kind} takes a number, found ${typeName(value)}`);
  const number = numberOf(value);
  if (kind === 'f') return fixed(Number(number), precision);
  if (typeof number === 'bigint') return String(number);
  if (!Number.isFinite(number)) throw new TemplateError(`%${kind} does not take ${textOf(number)}`);
  return String(BigInt(Math.trunc(number)));
}

/** A float with so many decimals, the exact value rounded half to even. */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return textOf(value);
  if (decimals > 100) throw new UnsupportedError('more than 100 decimals are not supported');
  const digits = String(scaledInteger(Math.abs(value), decimals)).padStart(decimals + 1, '0');
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return sign + (decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`);
}

/** `value` times 10 to the `decimals`, rounded half to even, without error. */
export function scaledInteger(value: number, decimals: number): bigint {
  if (!Number.isFinite(value)) throw new TemplateError(`${textOf(value)} has no decimals`);
  let numerator = value;
  let shift = 0;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    shift++;
  }
  const power = 10n ** BigInt(Math.abs(decimals));
  const top = BigInt(numerator) * (decimals >= 0 ? power : 1n);
  const bottom = (1n << BigInt(shift)) * (decimals >= 0 ? 1n : power);
  return roundedQuotient(top, bottom);
}

/** Half to even; for a positive divisor. */
export function roundedQuotient(top: bigint, bottom: bigint): bigint {
  const sign = top < 0n ? -1n : 1n;
  const size = top * sign;
  const floor = size / bottom;
  const twice = 2n * (size % bottom);
  const isUp = twice > bottom || (twice === bottom && floor % 2n === 1n);
  return sign * (isUp ? floor + 1n : floor);
}

/** `text.format(…)` with `{}`, `{0}` and `{name}`. @throws {TemplateError} */
export function formatBraces(text: string, positional: readonly Value[], keywords: Keywords): string {
  let automatic = 0;
  const result = text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (whole, field?: string) => {
    if (whole === '{{' || whole === '}}') return whole.charAt(0);
    if (field === undefined) throw new TemplateError(`format: a single ${whole}`);
    if (!/^\w*$/.test(field))
      throw new UnsupportedError(`the format field ${whole} is not supported; {}, {0} and {name} are`);
    if (field === '') return textOf(given(positional[automatic++], whole));
    return textOf(given(/^\d+$/.test(field) ? positional[Number(field)] : keywords.get(field), whole));
  });
  spendCharacters(result.length);
  return result;
}

function given(value: Value | undefined, field: string): Value {
  if (value === undefined) throw new TemplateError(`format: ${field} has no value`);
  return value;
}
