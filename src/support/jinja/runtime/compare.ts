import { TemplateError } from '../errors.js';
import { spendCharacters, spendSteps } from './budget.js';
import {
  Dict,
  defined,
  isList,
  iterate,
  keyOf,
  Range,
  SafeText,
  Stream,
  Tuple,
  typeName,
  Undefined,
  unsupported,
  type Value,
  View,
} from './values.js';

type Numeric = boolean | bigint | number;

export const isNumeric = (value: Value): value is Numeric =>
  typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number';

/** A bool counts as 0 or 1. */
export const numberOf = (value: Numeric): bigint | number => (typeof value === 'boolean' ? BigInt(value) : value);

/** Python's `==`. */
export function isEqual(a: Value, b: Value): boolean {
  spendSteps();
  // JavaScript compares a bigint with a number by their exact values, as Python does.
  if (isNumeric(a) && isNumeric(b)) return Number.isNaN(a) ? false : compareNumbers(numberOf(a), numberOf(b)) === 0;
  if (a instanceof SafeText) return isEqual(a.text, b);
  if (b instanceof SafeText) return isEqual(a, b.text);
  if (typeof a === 'string' && typeof b === 'string') {
    spendCharacters(Math.min(a.length, b.length));
    return a === b;
  }
  if (a === b) return true;
  if (isList(a) && isList(b)) return areEqual(a, b);
  if (a instanceof Tuple && b instanceof Tuple) return areEqual(a.items, b.items);
  if (a instanceof Dict && b instanceof Dict)
    return (
      a.entries.size === b.entries.size &&
      [...a.entries].every(([key, [, value]]) => {
        const other = b.entries.get(key);
        return other !== undefined && isEqual(value, other[1]);
      })
    );
  if (a instanceof Range && b instanceof Range)
    return a.length === b.length && (a.length === 0 || (a.start === b.start && (a.length === 1 || a.step === b.step)));
  if (a instanceof View && b instanceof View && a.kind !== 'values' && b.kind !== 'values')
    throw unsupported(a, 'comparing');
  return a instanceof Undefined && b instanceof Undefined;
}

const areEqual = (a: readonly Value[], b: readonly Value[]): boolean =>
  a.length === b.length && a.every((item, i) => isEqual(item, b[i] as Value));

function compareNumbers(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Strings by code point, as Python orders them. */
function compareText(a: string, b: string): number {
  spendCharacters(Math.min(a.length, b.length));
  let i = 0;
  while (i < a.length && i < b.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i >= a.length || i >= b.length) return a.length - b.length;
  const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
  const isPair = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
  return isPair(left) === isPair(right) ? left - right : isPair(left) ? 1 : -1;
}

/**
 * Below 0 if `a` is less, above 0 if greater, NaN where neither holds.
 * @throws {TemplateError} for values that Python does not order
 */
export function compare(a: Value, b: Value): number {
  spendSteps();
  if (isNumeric(a) && isNumeric(b)) {
    const [left, right] = [numberOf(a), numberOf(b)];
    return Number.isNaN(left) || Number.isNaN(right) ? Number.NaN : compareNumbers(left, right);
  }
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (isList(a) && isList(b)) return compareItems(a, b);
  if (a instanceof Tuple && b instanceof Tuple) return compareItems(a.items, b.items);
  defined(a);
  defined(b);
  for (const value of [a, b])
    if (value instanceof SafeText || value instanceof View) throw unsupported(value, 'comparing');
  throw new TemplateError(`${typeName(a)} and ${typeName(b)} have no order`);
}

function compareItems(a: readonly Value[], b: readonly Value[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (right === undefined) return 1;
    if (!isEqual(left, right)) return compare(left, right);
  }
  return a.length - b.length;
}

/** A stable sort. @throws {TemplateError} for values that Python does not order */
export function sorted<T>(items: readonly T[], key: (item: T) => Value, reverse: boolean): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  const sign = reverse ? -1 : 1;
  keyed.sort((a, b) => sign * (compare(a.key, b.key) || 0));
  return keyed.map(({ item }) => item);
}

/** Python's `in`. */
export function isIn(item: Value, container: Value): boolean {
  if (typeof container === 'string') {
    if (item instanceof SafeText) return isIn(item.text, container);
    if (typeof item !== 'string') throw new TemplateError(`"in" text takes text, found ${typeName(item)}`);
    spendCharacters(container.length);
    return container.includes(item);
  }
  if (container instanceof SafeText) return isIn(item, container.text);
  if (container instanceof Dict) return container.entries.has(keyOf(item));
  if (container instanceof View && container.kind === 'keys') return container.dict.entries.has(keyOf(item));
  if (container instanceof Stream || !(container instanceof Range))
    return someOf(iterate(container), (one) => one === item || isEqual(one, item));
  return isNumeric(item) && someOf(iterate(container), (one) => isEqual(one, item));
}

/** Stops reading at the first that holds: what is left of a generator stays unread. */
function someOf(values: Iterator<Value>, test: (value: Value) => boolean): boolean {
  for (let next = values.next(); !next.done; next = values.next()) if (test(next.value)) return true;
  return false;
}
