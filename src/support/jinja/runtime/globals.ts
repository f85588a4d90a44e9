import { TemplateError, UnsupportedError } from '../errors.js';
import { bind, builtin, noKeywords } from './calls.js';
import { type CalendarDate, formatDate } from './strftime.js';
import { integer } from './string-methods.js';
import { textOf } from './text.js';
import { Callable, Dict, iterate, Namespace, Range, typeName, type Value } from './values.js';

/** What the sandbox allows. */
const MAX_RANGE = 100_000;

/** Functions of Jinja that are refused by name. */
export const refusedGlobals = ['lipsum', 'cycler', 'joiner', 'self', 'super'];

/** The functions that transformers gives a template. */
export const globals = (date: CalendarDate | undefined): ReadonlyMap<string, Value> =>
  new Map<string, Value>([
    [
      'range',
      new Callable('range', (values, keywords) =>
        range(bind('range', ['start', ['stop', null], ['step', null]], values, keywords)),
      ),
    ],
    ['dict', new Callable('dict', (values, keywords) => dictOf('dict', values, keywords))],
    [
      'namespace',
      new Callable('namespace', (values, keywords) => {
        const namespace = new Namespace();
        for (const [key, value] of dictOf('namespace', values, keywords).entries.values())
          namespace.set(typeof key === 'string' ? key : textOf(key), value);
        return namespace;
      }),
    ],
    [
      'raise_exception',
      builtin('raise_exception', ['message'], (message = null) => {
        throw new TemplateError(textOf(message));
      }),
    ],
    [
      'strftime_now',
      builtin('strftime_now', ['format'], (format = null) => {
        if (typeof format !== 'string') throw new TemplateError(`strftime_now takes text, found ${typeName(format)}`);
        if (!date) throw new UnsupportedError('strftime_now needs a date, and none is given');
        return formatDate(format, date);
      }),
    ],
  ]);

function range(values: readonly Value[]): Value {
  const [a = null, b = null, c = null] = values.map((value) => (value === null ? null : integer('range', value)));
  if (a === null) throw new TemplateError('range takes ints');
  const [start, stop, step] = b === null ? [0, a, 1] : [a, b, c ?? 1];
  if (step === 0) throw new TemplateError('the step of a range is 0');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new TemplateError(`range is too long; the sandbox allows ${MAX_RANGE} numbers`);
  return new Range(BigInt(start), BigInt(stop), BigInt(step), length);
}

function dictOf(name: string, values: readonly Value[], keywords: ReadonlyMap<string, Value>): Dict {
  const [source] = bind(name, [['source', null]], values, noKeywords);
  const dict = new Dict();
  if (source instanceof Dict) for (const [key, value] of source.entries.values()) dict.set(key, value);
  else if (values.length > 0)
    for (const item of iterate(source ?? null)) {
      const pair = [...iterate(item)];
      const [key, value] = pair;
      if (pair.length !== 2 || key === undefined || value === undefined)
        throw new TemplateError(`${name} takes pairs of a key and a value`);
      dict.set(key, value);
    }
  for (const [key, value] of keywords) dict.set(key, value);
  return dict;
}
