// JSON schema: random schemas with values that may fit, in every way to present them, and with broken and hostile JSON.
import { parseExact } from '../../../dist/support/exact-json.js';
import { variants } from '../random.mjs';
import { fitting, schema, value, write } from './json-schemas.mjs';

const fence = (text, label = 'json') => `\`\`\`${label}\n${text}\n\`\`\``;

/** Ways to present a value that counts. */
const shown = [
  (text) => text,
  (text) => ` \n${text}\n`,
  (text) => fence(text),
  (text) => fence(text, ''),
  (text) => `Here you are:\n${fence(text)}\nIs it right?`,
  (text) => `<think>${fence('{"no": 1}')}</think>\n${fence(text)}`,
  (text) => `${fence('{"first": "try"}')}\nBetter:\n${fence(text)}`,
  (text) => `> ${fence(text).replaceAll('\n', '\n> ')}`,
  (text) => `${text}<|im_end|>`,
];

/** Ways to present a value so that it must not count. */
const withheld = {
  'only thought': (text) => `<think>${fence(text)}</think>`,
  'cut off': (text) => fence(`{"value": ${text}`),
  'with a comma too many': (text) => fence(`[${text},]`),
  'with a comment': (text) => fence(`${text} // done`),
  'with single quotes': (text) => fence(`{'a': ${text}}`),
  'with more behind': (text) => fence(`${text} ${text}`),
  'with NaN': (text) => fence(`[NaN, ${text}]`),
  'with Infinity': (text) => fence(`{"a": -Infinity, "b": ${text}}`),
  'with a hexadecimal number': (text) => fence(`[0x10, ${text}]`),
  'with a leading zero': (text) => fence(`[01, ${text}]`),
  'with a leading plus': (text) => fence(`[+1, ${text}]`),
  'with a bare point': (text) => fence(`[1., ${text}]`),
  'with NUL': (text) => fence(`${text}\0`),
  'with undefined': (text) => fence(`[undefined, ${text}]`),
  'taken back': (text) => `${fence(text)}\nNo:\n${fence('{broken')}`,
};

/** Values against a schema that they are known to fit or not. */
const known = [
  ['{"a": 1}', '{"required": ["constructor"]}', 'wrong'],
  ['{"a": 1}', '{"required": ["__proto__"]}', 'wrong'],
  ['{"__proto__": 1}', '{"required": ["__proto__"]}', 'right'],
  ['{"__proto__": {"a": 1}}', '{"required": ["a"]}', 'wrong'],
  ['{"__proto__": []}', '{"type": "array"}', 'wrong'],
  ['{"__proto__": 1}', '{"additionalProperties": false}', 'wrong'],
  ['{"__proto__": 1}', '{"additionalProperties": {"type": "string"}}', 'wrong'],
  ['{"__proto__": 1}', '{"patternProperties": {"^_": {"type": "string"}}}', 'wrong'],
  ['{"__proto__": 1}', '{"propertyNames": {"maxLength": 3}}', 'wrong'],
  ['[]', '{"contains": {"type": "number"}, "prefixItems": [true, {"type": "string"}]}', 'wrong'],
  ['{"constructor": 1}', '{"additionalProperties": false}', 'wrong'],
  ['{"length": 0}', '{"type": "array"}', 'wrong'],
  ['{"toString": 1}', '{"properties": {"toString": {"type": "string"}}}', 'wrong'],
  ['{"a": "x", "a": 1}', '{"properties": {"a": {"type": "integer"}}}', 'right'],
  ['{"a": 1, "a": "x"}', '{"properties": {"a": {"type": "integer"}}}', 'wrong'],
  ['{}', '{"required": ["answer"]}', 'wrong'],
  ['[]', '{"type": "object"}', 'wrong'],
  ['null', '{"type": "object"}', 'wrong'],
  ['""', '{"type": "string", "minLength": 1}', 'wrong'],
  ['"\\ud800"', '{"type": "string", "maxLength": 1}', 'right'],
  ['"\\ud83d\\ude00"', '{"type": "string", "maxLength": 1}', 'right'],
  ['1e400', '{"type": "number"}', 'wrong'],
  ['-1e400', '{"maximum": 0}', 'wrong'],
  ['1e-400', '{"exclusiveMinimum": 0}', 'right'],
  ['0.1', '{"multipleOf": 0.01}', 'right'],
  ['1e16', '{"type": "integer"}', 'right'],
  ['true', '{"enum": [1, "true"]}', 'wrong'],
  ['0', '{"const": false}', 'wrong'],
  ['[1, true]', '{"uniqueItems": true}', 'right'],
  ['[1, 1.0]', '{"uniqueItems": true}', 'wrong'],
  ['[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', '{"uniqueItems": true}', 'wrong'],
  ['"1"', '{"type": "integer"}', 'wrong'],
  ['"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"', '{"pattern": "^(a|aa)+$"}', 'wrong'],
  [`"${'a'.repeat(40)}!"`, '{"pattern": "^(a+)+$"}', 'wrong', 'heavy'],
  [`${'['.repeat(500)}${']'.repeat(500)}`, '{"type": "object"}', 'wrong'],
  [`${'['.repeat(100_000)}`, '{}', 'wrong'],
  [`${'[{"a":'.repeat(20_000)}`, '{}', 'wrong'],
  [`${'{'.repeat(50_000)}`, '{"type": "object"}', 'wrong'],
  [`{"a": ${'9'.repeat(5000)}}`, '{"properties": {"a": {"maximum": 1}}}', 'wrong'],
  [`"${'x'.repeat(200_000)}"`, '{"maxLength": 10}', 'wrong'],
  [`[${Array.from({ length: 5000 }, (_, i) => i).join()},1]`, '{"uniqueItems": true}', 'wrong'],
  ['{"type": "object", "required": ["a"]}', '{"type": "object", "required": ["a"]}', 'wrong'],
  ['{"$ref": "#"}', '{"type": "string"}', 'wrong'],
];

function garbled(random, text) {
  const at = random.int(0, text.length);
  const to = Math.min(text.length, at + random.int(1, 4));
  return random.oneOf(
    () => text.slice(0, at) + text.slice(to),
    () =>
      text.slice(0, at) +
      random.pick(['"', ',', ':', '[', ']', '{', '}', '0', '-', 'e', '.', '\\', '\u00a0', '\t', 'true']) +
      text.slice(at),
    () => text.slice(0, at),
    () => text.slice(0, to) + text.slice(at),
  );
}

/** Answers such as a policy gives that was rewarded for empty values. */
const empty = ['{}', '[]', 'null', '""', '0', 'false', '[{}]', '{"": null}'];

export function generate(random) {
  const draw = random.next();
  if (draw < 0.1) {
    const [text, rule, expected, heavy] = random.pick(known);
    if (heavy && !random.chance(0.02)) return generate(random);
    return { class: heavy ?? 'known', expected, completion: text, answer: '', data: { schema: parseExact(rule) } };
  }
  const rule = schema(random);
  const text = write(rule);
  const item = (name, expected, completion, json) => ({
    class: name,
    expected,
    completion,
    answer: '',
    data: { schema: parseExact(text) },
    ask: json === undefined ? undefined : { schema: text, json },
  });
  if (draw < 0.7) {
    const [fits, changed] = variants(random, (draws) => fitting(draws, rule));
    const one = draw < 0.4 ? fits : changed;
    const json = write(one, random.pick(['', ' ', '\n  ']));
    // A value that is no list and no object counts alone or in a fence.
    return item(draw < 0.4 ? 'may fit' : 'one decision changed', undefined, random.pick(shown)(json), json);
  }
  if (draw < 0.8) {
    const json = write(value(random));
    return item('any value', undefined, random.pick(shown)(json), json);
  }
  if (draw < 0.85) {
    const json = random.pick(empty);
    return item('an empty value', undefined, json, json);
  }
  if (draw < 0.93) {
    const [name, hide] = random.pick(Object.entries(withheld));
    return item(`right but ${name}`, 'wrong', hide(write(fitting(random, rule))));
  }
  const json = garbled(random, write(fitting(random, rule)));
  return { ...item('garbled', undefined, json, json), settings: { bare: true } };
}

export const documented = {};
