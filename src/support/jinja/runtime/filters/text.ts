import { TemplateError } from '../../errors.js';
import { spendCharacters } from '../budget.js';
import { characterCount, characters, escapeHtml } from '../characters.js';
import { compare } from '../compare.js';
import { formatPercent } from '../format.js';
import { integer } from '../string-methods.js';
import { capitalize, pad, replace, splitLines, splitRight, strip } from '../strings.js';
import { jsonText, textOf } from '../text.js';
import {
  Dict,
  defined,
  isIterable,
  isList,
  isTrue,
  iterate,
  lengthOf,
  SafeText,
  Tuple,
  typeName,
  unsupported,
  type Value,
} from '../values.js';
import { type Filter, filter } from './filter.js';

/** The text of a value as a filter takes it. */
export function plainText(value: Value): string {
  if (value instanceof SafeText) throw unsupported(value, 'a filter on');
  return textOf(value);
}

/** @throws {TemplateError} unless it is text */
function onlyText(name: string, value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof SafeText) throw unsupported(value, name);
  throw new TemplateError(`${name} takes text, found ${typeName(defined(value))}`);
}

const onText =
  (run: (text: string, ...values: Value[]) => Value): ((value: Value, ...values: Value[]) => Value) =>
  (value, ...values) => {
    const text = plainText(value);
    spendCharacters(text.length);
    return run(text, ...values);
  };

const escaped = filter((value) => (value instanceof SafeText ? value : new SafeText(escapeHtml(textOf(value)))));

export const textFilters: Readonly<Record<string, Filter>> = {
  upper: filter(onText((text) => text.toUpperCase())),
  lower: filter(onText((text) => text.toLowerCase())),
  capitalize: filter(onText(capitalize)),
  title: filter(
    onText((text) =>
      text
        .split(/([-\s({[<]+)/)
        .map((word) => {
          const [first = ''] = word;
          return first.toUpperCase() + word.slice(first.length).toLowerCase();
        })
        .join(''),
    ),
  ),
  trim: filter(
    onText((text, set) => strip(text, set === null ? null : onlyText('trim', set ?? null), 'both')),
    ['chars', null],
  ),
  center: filter(
    onText((text, width) => pad(text, characterCount(text), integer('center', width), ' ', 'center')),
    ['width', 80n],
  ),
  replace: filter(
    (value, old, by, count) =>
      replace(
        textOf(value),
        textOf(old ?? null),
        textOf(by ?? null),
        (count ?? null) === null ? -1 : integer('replace', count),
      ),
    'old',
    'new',
    ['count', null],
  ),
  wordcount: filter(onText((text) => BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0))),
  indent: filter(indent, ['width', 4n], ['first', false], ['blank', false]),
  truncate: filter(truncate, ['length', 255n], ['killwords', false], ['end', '...'], ['leeway', null]),
  format: {
    parameters: 'any',
    run(value, positional, keywords) {
      if (positional.length > 0 && keywords.size > 0)
        throw new TemplateError('format takes positional or keyword arguments, found both');
      return formatPercent(plainText(value), keywords.size > 0 ? new Dict(keywords) : new Tuple(positional));
    },
  },
  string: filter((value) => (value instanceof SafeText ? value : textOf(value))),
  safe: filter((value) => new SafeText(textOf(value))),
  escape: escaped,
  e: escaped,
  urlencode: filter(urlEncode),
  tojson: filter(toJson, ['ensure_ascii', false], ['indent', null], ['separators', null], ['sort_keys', false]),
};

function indent(value: Value, width: Value = 4n, first: Value = false, blank: Value = false): Value {
  const text = onlyText('indent', value);
  const indention = typeof width === 'string' ? width : ' '.repeat(Math.max(0, integer('indent', width)));
  // Jinja appends a line end so that an empty text has a line.
  const lines = splitLines(`${text}\n`, false);
  spendCharacters(text.length + lines.length * indention.length);
  const body = lines.map((line, i) => (i > 0 && (line !== '' || isTrue(blank)) ? indention + line : line)).join('\n');
  return isTrue(first) ? indention + body : body;
}

function truncate(
  value: Value,
  length: Value = 255n,
  killWords: Value = false,
  end: Value = '...',
  leeway: Value = null,
): Value {
  const ending = onlyText('truncate', end);
  const limit = integer('truncate', length);
  const slack = leeway === null ? 5 : integer('truncate', leeway);
  const kept = limit - characterCount(ending);
  if (kept < 0 || slack < 0) throw new TemplateError('truncate: the length is below that of the end');
  const count = lengthOf(value);
  if (count !== undefined && count <= limit + slack) return value;
  const all = characters(onlyText('truncate', value));
  const cut = all.slice(0, kept).join('');
  return (isTrue(killWords) ? cut : (splitRight(cut, ' ', 1)[0] ?? '')) + ending;
}

function urlEncode(value: Value): Value {
  const quote = (part: Value, isQuery: boolean): string => {
    const text = textOf(part);
    spendCharacters(text.length);
    const encoded = encodeURIComponent(text).replace(
      /[!'()*]/g,
      (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    return isQuery ? encoded.replaceAll('%20', '+') : encoded.replaceAll('%2F', '/');
  };
  if (typeof value === 'string' || !isIterable(value)) return quote(value, false);
  const items = value instanceof Dict ? [...value.entries.values()] : [...iterate(value)].map(pairOf);
  return items.map(([key, item]) => `${quote(key, true)}=${quote(item, true)}`).join('&');
}

function pairOf(item: Value): readonly [Value, Value] {
  const [key, value, ...rest] = [...iterate(item)];
  if (key === undefined || value === undefined || rest.length > 0)
    throw new TemplateError('urlencode takes pairs of a name and a value');
  return [key, value];
}

/** The filter as transformers has it: Python's `json.dumps`, without Jinja's escapes of HTML. */
function toJson(
  value: Value,
  ensureAscii: Value = false,
  indention: Value = null,
  separators: Value = null,
  sortKeys: Value = false,
): Value {
  const pair = isList(separators) ? separators : separators instanceof Tuple ? separators.items : undefined;
  if ((separators !== null && pair?.length !== 2) || pair?.some((item) => typeof item !== 'string'))
    throw new TemplateError('tojson: separators takes two texts');
  const text =
    indention === null
      ? undefined
      : typeof indention === 'string'
        ? indention
        : ' '.repeat(Math.min(Math.max(0, integer('tojson', indention)), 1000));
  return jsonText(
    value,
    {
      ensureAscii: isTrue(ensureAscii),
      indent: text,
      itemSeparator: pair ? String(pair[0]) : text === undefined ? ', ' : ',',
      keySeparator: pair ? String(pair[1]) : ': ',
      sortKeys: isTrue(sortKeys),
    },
    compare,
  );
}
