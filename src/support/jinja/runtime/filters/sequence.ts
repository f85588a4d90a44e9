import { TemplateError } from '../../errors.js';
import { binary } from '../arithmetic.js';
import { itemOf } from '../attributes.js';
import { spendCharacters, spendSteps } from '../budget.js';
import { characters } from '../characters.js';
import { compare, isEqual, sorted } from '../compare.js';
import { integer } from '../string-methods.js';
import { textOf } from '../text.js';
import {
  Dict,
  isList,
  isTrue,
  iterate,
  keyOf,
  lengthOf,
  Range,
  SafeText,
  Stream,
  Tuple,
  typeName,
  Undefined,
  unsupported,
  type Value,
  View,
} from '../values.js';
import { type Filter, filter } from './filter.js';

/** What a filter reads of each item: the item, or an attribute such as `function.name`. */
export function attributeReader(attribute: Value, fallback: Value = null): (item: Value) => Value {
  const path = pathOf(attribute);
  return (item) =>
    path.reduce<Value>((value, part) => {
      const found = itemOf(value, part);
      return found instanceof Undefined && fallback !== null ? fallback : found;
    }, item);
}

function pathOf(attribute: Value): Value[] {
  if (attribute === null) return [];
  if (typeof attribute !== 'string') return [attribute];
  return attribute.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
}

const foldCase = (value: Value, isSensitive: Value): Value =>
  !isTrue(isSensitive) && typeof value === 'string' ? value.toLowerCase() : value;

const length = filter((value) => {
  const count = lengthOf(value);
  if (count === undefined) throw new TemplateError(`${typeName(value)} has no length`);
  return BigInt(count);
});

const byDefault = filter(
  (value, fallback = '', boolean = false) =>
    value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? fallback : value,
  ['default_value', ''],
  ['boolean', false],
);

export const sequenceFilters: Readonly<Record<string, Filter>> = {
  length,
  count: length,
  default: byDefault,
  d: byDefault,
  list: filter((value) => [...iterate(value)]),
  first: filter((value) => {
    const first = iterate(value).next();
    return first.done ? new Undefined('first: the sequence is empty') : first.value;
  }),
  last: filter((value) => {
    const items = reversible(value);
    if (!items) throw new TemplateError(`${typeName(value)} cannot be reversed`);
    const last = items.at(-1);
    return last === undefined ? new Undefined('last: the sequence is empty') : last;
  }),
  reverse: filter((value) => {
    if (typeof value === 'string') return [...characters(value)].reverse().join('');
    const items = reversible(value);
    return items ? new Stream([...items].reverse().values()) : [...iterate(value)].reverse();
  }),
  join: filter(join, ['d', ''], ['attribute', null]),
  items: filter((value) => {
    if (value instanceof Undefined) return new Stream([].values());
    if (!(value instanceof Dict)) return failing(`items takes a dict, found ${typeName(value)}`);
    return new Stream(new View('items', value).items().values());
  }),
  dictsort: filter(dictSort, ['case_sensitive', false], ['by', 'key'], ['reverse', false]),
  sort: filter(
    (value, reverse = false, isSensitive = false, attribute = null) => {
      const readers = (typeof attribute === 'string' ? attribute.split(',') : [attribute]).map((a) =>
        attributeReader(a),
      );
      const key = (item: Value): Value => readers.map((read) => foldCase(read(item), isSensitive));
      return sorted([...iterate(value)], key, isTrue(reverse));
    },
    ['reverse', false],
    ['case_sensitive', false],
    ['attribute', null],
  ),
  unique: filter(
    (value, isSensitive = false, attribute = null) => new Stream(unique(value, isSensitive, attribute)),
    ['case_sensitive', false],
    ['attribute', null],
  ),
  min: filter((value, ...rest) => extreme(value, -1, ...rest), ['case_sensitive', false], ['attribute', null]),
  max: filter((value, ...rest) => extreme(value, 1, ...rest), ['case_sensitive', false], ['attribute', null]),
  sum: filter(sum, ['attribute', null], ['start', 0n]),
  batch: filter((value, size, fill = null) => new Stream(batches(value, integer('batch', size), fill)), 'linecount', [
    'fill_with',
    null,
  ]),
  slice: filter((value, count, fill = null) => new Stream(slices(value, integer('slice', count), fill)), 'slices', [
    'fill_with',
    null,
  ]),
  groupby: filter(groupBy, 'attribute', ['default', null], ['case_sensitive', false]),
};

/** A generator's failure comes when it is read, as in Python. */
function failing(message: string): Stream {
  return new Stream({
    next: () => {
      throw new TemplateError(message);
    },
  });
}

/** The items of what Python's `reversed` takes. */
function reversible(value: Value): readonly Value[] | undefined {
  if (value instanceof SafeText) throw unsupported(value, 'reversing');
  const isReversible =
    typeof value === 'string' ||
    isList(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof Range ||
    value instanceof View ||
    value instanceof Undefined;
  return isReversible ? [...iterate(value)] : undefined;
}

function join(value: Value, separator: Value = '', attribute: Value = null): Value {
  const read = attributeReader(attribute);
  const between = textOf(separator);
  const parts: string[] = [];
  for (const item of iterate(value)) {
    const text = textOf(read(item));
    spendCharacters(text.length + between.length);
    parts.push(text);
  }
  return parts.join(between);
}

function dictSort(value: Value, isSensitive: Value = false, by: Value = 'key', reverse: Value = false): Value {
  if (!(value instanceof Dict)) throw new TemplateError(`dictsort takes a dict, found ${typeName(value)}`);
  if (by !== 'key' && by !== 'value') throw new TemplateError('dictsort: by is "key" or "value"');
  const pairs = [...value.entries.values()];
  const order = ([key, item]: readonly [Value, Value]): Value => foldCase(by === 'key' ? key : item, isSensitive);
  return sorted(pairs, order, isTrue(reverse)).map((pair) => new Tuple(pair));
}

function* unique(value: Value, isSensitive: Value, attribute: Value): Generator<Value> {
  const read = attributeReader(attribute);
  const seen = new Set<string>();
  for (const item of iterate(value)) {
    const key = keyOf(foldCase(read(item), isSensitive));
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

function extreme(value: Value, sign: number, isSensitive: Value = false, attribute: Value = null): Value {
  const read = attributeReader(attribute);
  let best: { readonly item: Value; readonly key: Value } | undefined;
  for (const item of iterate(value)) {
    const key = foldCase(read(item), isSensitive);
    if (!best || compare(key, best.key) * sign > 0) best = { item, key };
  }
  return best ? best.item : new Undefined('the sequence is empty');
}

function sum(value: Value, attribute: Value = null, start: Value = 0n): Value {
  if (typeof start === 'string') throw new TemplateError('sum does not take text');
  const read = attributeReader(attribute);
  let total: Value = start;
  for (const item of iterate(value)) total = binary('+', total, read(item));
  return total;
}

function* batches(value: Value, size: number, fill: Value): Generator<Value> {
  let batch: Value[] = [];
  for (const item of iterate(value)) {
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  spendSteps(Math.max(0, size - batch.length));
  while (fill !== null && batch.length < size) batch.push(fill);
  yield batch;
}

function* slices(value: Value, count: number, fill: Value): Generator<Value> {
  const items = [...iterate(value)];
  if (count === 0) throw new TemplateError('slice: division by zero');
  const size = Math.floor(items.length / count);
  const longer = items.length - size * count;
  let start = 0;
  for (let i = 0; i < count; i++) {
    spendSteps();
    const end = start + size + (i < longer ? 1 : 0);
    const slice = items.slice(start, end);
    start = end;
    if (fill !== null && i >= longer) slice.push(fill);
    yield slice;
  }
}

function groupBy(value: Value, attribute: Value = null, fallback: Value = null, isSensitive: Value = false): Value {
  const read = attributeReader(attribute, fallback);
  const key = (item: Value): Value => foldCase(read(item), isSensitive);
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted([...iterate(value)], key, false)) {
    const last = groups.at(-1);
    if (last && isEqual(last.key, key(item))) last.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  return groups.map(({ key: folded, items: [first = null, ...rest] }) => {
    const shown = isTrue(isSensitive) ? folded : read(first);
    return new Tuple([shown, [first, ...rest]], ['grouper', 'list']);
  });
}
