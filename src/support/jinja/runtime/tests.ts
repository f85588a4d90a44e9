import { TemplateError, UnsupportedError } from '../errors.js';
import { binary } from './arithmetic.js';
import { bind, type Parameter } from './calls.js';
import { compare, isEqual, isIn, isNumeric } from './compare.js';
import { isCased } from './string-methods.js';
import { textOf } from './text.js';
import {
  Callable,
  Dict,
  isIterable,
  isList,
  type Keywords,
  keyOf,
  Loop,
  Range,
  SafeText,
  Tuple,
  Undefined,
  type Value,
} from './values.js';

interface Test {
  readonly parameters: readonly Parameter[];
  readonly run: (value: Value, argument: Value) => boolean;
}

const test = (run: Test['run'], ...parameters: Parameter[]): Test => ({ parameters, run });
const other = 'other';
const isEqualTo = test(isEqual, other);
const isNotEqual = test((a, b) => !isEqual(a, b), other);
const isLess = test((a, b) => compare(a, b) < 0, other);
const isAtMost = test((a, b) => compare(a, b) <= 0, other);
const isGreater = test((a, b) => compare(a, b) > 0, other);
const isAtLeast = test((a, b) => compare(a, b) >= 0, other);

/** @param isFilter whether a filter of the name exists, for the test `filter` */
export const jinjaTests = (isFilter: (name: string) => boolean): Readonly<Record<string, Test>> => {
  const all: Readonly<Record<string, Test>> = {
    defined: test((value) => !(value instanceof Undefined)),
    undefined: test((value) => value instanceof Undefined),
    none: test((value) => value === null),
    boolean: test((value) => typeof value === 'boolean'),
    true: test((value) => value === true),
    false: test((value) => value === false),
    integer: test((value) => typeof value === 'bigint'),
    float: test((value) => typeof value === 'number'),
    number: test(isNumeric),
    string: test((value) => typeof value === 'string' || value instanceof SafeText),
    mapping: test((value) => value instanceof Dict),
    sequence: test(
      (value) =>
        typeof value === 'string' ||
        isList(value) ||
        value instanceof Tuple ||
        value instanceof Dict ||
        value instanceof Range ||
        value instanceof SafeText ||
        value instanceof Undefined,
    ),
    iterable: test(isIterable),
    callable: test((value) => value instanceof Callable || value instanceof Loop || value instanceof Undefined),
    escaped: test((value) => value instanceof SafeText),
    lower: test((value) => isCased(textOf(value), 'lower')),
    upper: test((value) => isCased(textOf(value), 'upper')),
    odd: test((value) => isEqual(binary('%', value, 2n), 1n)),
    even: test((value) => isEqual(binary('%', value, 2n), 0n)),
    divisibleby: test((value, by) => isEqual(binary('%', value, by), 0n), 'num'),
    in: test(isIn, 'seq'),
    sameas: test(isSame, other),
    filter: test((value) => isNamed(value, isFilter)),
    test: test((value) => isNamed(value, (name) => Object.hasOwn(all, name))),
    '==': isEqualTo,
    eq: isEqualTo,
    equalto: isEqualTo,
    '!=': isNotEqual,
    ne: isNotEqual,
    '<': isLess,
    lt: isLess,
    lessthan: isLess,
    '<=': isAtMost,
    le: isAtMost,
    '>': isGreater,
    gt: isGreater,
    greaterthan: isGreater,
    '>=': isAtLeast,
    ge: isAtLeast,
  };
  return all;
};

/** A look-up in a table, whose keys cannot be lists. */
function isNamed(value: Value, has: (name: string) => boolean): boolean {
  keyOf(value);
  return typeof value === 'string' && has(value);
}

/** Python's `is`. Whether equal texts and numbers are one object is a matter of its caches. */
function isSame(a: Value, b: Value): boolean {
  const isCached = (value: Value): boolean =>
    typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number';
  if (isCached(a) && isCached(b) && typeof a === typeof b)
    throw new UnsupportedError('sameas on texts and numbers is not supported');
  return a === b;
}

/** @throws {TemplateError} for an unknown test and arguments it does not take */
export function callTest(
  tests: Readonly<Record<string, Test>>,
  name: string,
  value: Value,
  positional: readonly Value[],
  keywords: Keywords,
): boolean {
  const found = Object.hasOwn(tests, name) ? tests[name] : undefined;
  if (!found) throw new TemplateError(`there is no test ${name}`);
  const [argument = null] = bind(`the test ${name}`, found.parameters, positional, keywords);
  return found.run(value, argument);
}
