import { TemplateError, UnsupportedError } from '../errors.js';
import { attributeOf, ownAttribute } from './attributes.js';
import { bind } from './calls.js';
import { type Filter, filter } from './filters/filter.js';
import { numberFilters } from './filters/number.js';
import { attributeReader, sequenceFilters } from './filters/sequence.js';
import { textFilters } from './filters/text.js';
import { callTest, jinjaTests } from './tests.js';
import { isTrue, iterate, type Keywords, Stream, typeName, Undefined, type Value } from './values.js';

/** Filters of Jinja that are refused by name: HTML, chance, and layouts that no chat template uses. */
const refused = ['filesizeformat', 'forceescape', 'pprint', 'random', 'striptags', 'urlize', 'wordwrap', 'xmlattr'];

const filters: Readonly<Record<string, Filter>> = {
  ...textFilters,
  ...sequenceFilters,
  ...numberFilters,
  attr: filter((value, name = null) => {
    if (typeof name !== 'string') throw new TemplateError(`attr takes a name, found ${typeName(name)}`);
    return ownAttribute(value, name) === undefined
      ? new Undefined(`${typeName(value)} has no attribute ${name}`)
      : attributeOf(value, name);
  }, 'name'),
  map: {
    parameters: 'any',
    run: (value, positional, keywords) => new Stream(mapped(value, positional, keywords)),
  },
  select: selection(false, true),
  reject: selection(false, false),
  selectattr: selection(true, true),
  rejectattr: selection(true, false),
};

const tests = jinjaTests((name) => Object.hasOwn(filters, name) || refused.includes(name));

/**
 * @param isConditional leaves one that does not exist to be reported when it is reached
 * @throws {TemplateError} for a filter that does not exist; `UnsupportedError` for one that is refused
 */
export function checkFilter(name: string, isConditional = false): void {
  if (refused.includes(name)) throw new UnsupportedError(`the filter ${name} is not supported`);
  if (!isConditional && !Object.hasOwn(filters, name)) throw new TemplateError(`there is no filter ${name}`);
}

/** As `checkFilter`. */
export function checkTest(name: string, isConditional: boolean): void {
  if (!isConditional && !Object.hasOwn(tests, name)) throw new TemplateError(`there is no test ${name}`);
}

export function applyFilter(name: string, value: Value, positional: readonly Value[], keywords: Keywords): Value {
  checkFilter(name);
  const found = filters[name];
  if (!found) throw new TemplateError(`there is no filter ${name}`);
  if (found.parameters === 'any') return found.run(value, positional, keywords);
  return found.run(value, ...bind(`the filter ${name}`, found.parameters, positional, keywords));
}

export const applyTest = (name: string, value: Value, positional: readonly Value[], keywords: Keywords): boolean =>
  callTest(tests, name, value, positional, keywords);

function* mapped(value: Value, positional: readonly Value[], keywords: Keywords): Generator<Value> {
  if (!isTrue(value)) return;
  const apply = mapping(positional, keywords);
  for (const item of iterate(value)) yield apply(item);
}

function mapping(positional: readonly Value[], keywords: Keywords): (item: Value) => Value {
  const [name, ...rest] = positional;
  const attribute = keywords.get('attribute');
  if (name === undefined && attribute !== undefined) {
    for (const keyword of keywords.keys())
      if (keyword !== 'attribute' && keyword !== 'default') throw new TemplateError(`map takes no argument ${keyword}`);
    return attributeReader(attribute, keywords.get('default') ?? null);
  }
  if (typeof name !== 'string') throw new TemplateError('map takes the name of a filter, or attribute=…');
  return (item) => applyFilter(name, item, rest, keywords);
}

/** `select` and its kind: a test on each item, or on an attribute of each. */
function selection(byAttribute: boolean, wanted: boolean): Filter {
  function* selected(value: Value, positional: readonly Value[], keywords: Keywords): Generator<Value> {
    if (!isTrue(value)) return;
    const [attribute, ...others] = byAttribute ? positional : [null, ...positional];
    if (attribute === undefined) throw new TemplateError('a filter by attribute takes its name');
    const read = byAttribute ? attributeReader(attribute) : (item: Value) => item;
    const [name, ...rest] = others;
    for (const item of iterate(value)) {
      const found = read(item);
      const holds = name === undefined ? isTrue(found) : applyTest(nameOf(name), found, rest, keywords);
      if (holds === wanted) yield item;
    }
  }
  return {
    parameters: 'any',
    run: (value, positional, keywords) => new Stream(selected(value, positional, keywords)),
  };
}

function nameOf(value: Value): string {
  if (typeof value !== 'string') throw new TemplateError(`a test is given by its name, found ${typeName(value)}`);
  return value;
}
