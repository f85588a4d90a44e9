import { TemplateError, UnsupportedError } from '../errors.js';
import type { BinaryOperator } from '../parse/ast.js';
import { spendCharacters, spendSteps } from './budget.js';
import { escapeHtml } from './characters.js';
import { isNumeric, numberOf } from './compare.js';
import { formatPercent } from './format.js';
import { defined, isList, SafeText, Tuple, typeName, unsupported, type Value } from './values.js';

/** Bits of an int that a template may compute. */
const MAX_BITS = 4096;

/** @throws {TemplateError} for operands that Python does not take */
export function binary(operator: BinaryOperator, left: Value, right: Value): Value {
  if (isNumeric(left) && isNumeric(right)) return bounded(numeric(operator, numberOf(left), numberOf(right)));
  // Python's formatting takes an undefined value as it takes a mapping.
  if (operator === '%' && typeof left === 'string') return formatPercent(left, right);
  for (const value of [left, right]) {
    defined(value);
    if (value instanceof SafeText && operator !== '+') throw unsupported(value, `${operator} on`);
  }
  if (operator === '+') {
    const sum = joined(left, right);
    if (sum !== undefined) return sum;
  }
  if (operator === '*') {
    const product = isNumeric(right) ? repeated(left, right) : isNumeric(left) ? repeated(right, left) : undefined;
    if (product !== undefined) return product;
  }
  throw new TemplateError(`${operator} does not take ${typeName(left)} and ${typeName(right)}`);
}

function joined(left: Value, right: Value): Value | undefined {
  if (typeof left === 'string' && typeof right === 'string') {
    spendCharacters(left.length + right.length);
    return left + right;
  }
  if (left instanceof SafeText || right instanceof SafeText) return joinedSafely(left, right);
  const items =
    isList(left) && isList(right)
      ? [left, right]
      : left instanceof Tuple && right instanceof Tuple
        ? [left.items, right.items]
        : undefined;
  if (!items) return undefined;
  const all = items.flat();
  spendSteps(all.length);
  return isList(left) ? all : new Tuple(all);
}

function joinedSafely(left: Value, right: Value): Value {
  const parts = [left, right].map((value) =>
    value instanceof SafeText ? value.text : typeof value === 'string' ? escapeHtml(value) : undefined,
  );
  if (parts.includes(undefined)) throw unsupported(left instanceof SafeText ? left : right, '+ on');
  const text = parts.join('');
  spendCharacters(text.length);
  return new SafeText(text);
}

function repeated(value: Value, by: boolean | bigint | number): Value | undefined {
  if (typeof by === 'number') return undefined;
  const wanted = Number(by);
  const count = Math.max(0, wanted);
  if (typeof value === 'string') {
    spendCharacters(value.length * count);
    return value.length === 0 ? '' : value.repeat(count);
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  if (!items) return undefined;
  spendSteps(items.length * count);
  const all = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return isList(value) ? all : new Tuple(all);
}

function numeric(operator: BinaryOperator, a: bigint | number, b: bigint | number): bigint | number {
  if (typeof a === 'bigint' && typeof b === 'bigint') return integers(operator, a, b);
  return floats(operator, toFloat(a), toFloat(b));
}

function integers(operator: BinaryOperator, a: bigint, b: bigint): bigint | number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      notZero(b);
      if (!Number.isSafeInteger(Number(a)) || !Number.isSafeInteger(Number(b)))
        throw new UnsupportedError('/ on ints beyond 2^53 is not supported');
      return Number(a) / Number(b);
    case '//':
      return (a - floorModulo(a, b)) / notZero(b);
    case '%':
      return floorModulo(a, b);
    case '**':
      if (b < 0n) throw new UnsupportedError('** with a negative exponent is not supported');
      if (BigInt(a.toString(2).length) * b > BigInt(MAX_BITS)) throw tooLarge();
      return a ** b;
  }
}

function floorModulo(a: bigint, b: bigint): bigint {
  const rest = a % notZero(b);
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

/** As Python's float operations, which round like C's `fmod`. */
function floats(operator: BinaryOperator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / notZero(b);
    case '%':
      return floatModulo(a, notZero(b));
    case '//': {
      const modulo = floatModulo(a, notZero(b));
      const quotient = (a - modulo) / b;
      if (quotient === 0) return a / b < 0 ? -0 : 0;
      const floor = Math.floor(quotient);
      return quotient - floor > 0.5 ? floor + 1 : floor;
    }
    case '**':
      throw new UnsupportedError('** on floats is not supported');
  }
}

function floatModulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

function notZero<T extends bigint | number>(value: T): T {
  if (value === 0n || value === 0) throw new TemplateError('division by zero');
  return value;
}

function toFloat(value: bigint | number): number {
  const float = Number(value);
  if (!Number.isFinite(float) && typeof value === 'bigint') throw new TemplateError('an int is too large for a float');
  return float;
}

const tooLarge = (): TemplateError => new UnsupportedError(`ints of more than ${MAX_BITS} bits are not supported`);

function bounded(value: bigint | number): bigint | number {
  if (typeof value === 'bigint' && (value >= LARGEST || value <= -LARGEST)) throw tooLarge();
  return value;
}

const LARGEST = 1n << BigInt(MAX_BITS);

/** @throws {TemplateError} for what is no number */
export function signed(value: Value, isNegative: boolean): Value {
  if (!isNumeric(value)) throw new TemplateError(`a sign does not take ${typeName(defined(value))}`);
  const number = numberOf(value);
  return isNegative ? -number : number;
}
