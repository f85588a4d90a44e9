// Random JSON schemas, values that they may accept, and texts of values. Numbers are texts, as they are written.

const names = ['a', 'b', 'id', 'name', '', '$ref', 'constructor', 'toString', 'length', 'ä', 'a/b', '~0'];
const strings = [
  '',
  'a',
  'ab',
  'abc',
  'A',
  ' a',
  '0',
  'true',
  'null',
  'é',
  '👍',
  '👍👍',
  'a\nb',
  '"',
  '\\',
  '\u2028',
  'x@y.org',
];
const numbers = [
  '0',
  '-0',
  '0.0',
  '1',
  '1.0',
  '-1',
  '2',
  '3',
  '1e0',
  '10',
  '0.1',
  '0.3',
  '1.5',
  '2.50',
  '1e2',
  '100',
  '9007199254740992',
  '9007199254740993',
  '9007199254740993.5',
  '-9007199254740993',
  '1e-7',
  '0.1e1',
  '123456789012345678901234567890',
  '1E300',
  '0.30000000000000004',
];
const patterns = ['^a', 'a$', '^[a-c]+$', 'b', '^$', '^.{2}$', '[0-9]'];
const formats = [
  'date',
  'time',
  'date-time',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uuid',
  'regex',
  'json-pointer',
  'duration',
];
const formatted = [
  '2024-02-29',
  '2023-02-29',
  '2024-13-01',
  '12:00:00Z',
  '25:00:00Z',
  '2024-01-01T00:00:00Z',
  '2024-01-01 00:00:00Z',
  '2024-01-01T00:00:00',
  'a@b.org',
  'a@',
  '@b.org',
  'example.org',
  '-a.org',
  '127.0.0.1',
  '127.0.0.256',
  '01.2.3.4',
  '::1',
  '::g',
  'http://a.org/b?c#d',
  '//a',
  'a b',
  '123e4567-e89b-12d3-a456-426614174000',
  '123e4567e89b12d3a456426614174000',
  '(',
  '[a',
  '/a/b',
  'a/b',
  'P1D',
  'P',
  'PT1H',
  'P1Y2W',
];

/** Marks a number, which is written as it is. */
const number = (text) => ({ number: text });

/** A JSON value: null, booleans, strings, `{ number }`, `{ list }` and `{ fields }`. */
export function value(random, depth = 2) {
  return random.oneOf(
    () => number(random.pick(numbers)),
    () => number(random.pick(numbers)),
    () => random.pick(strings),
    () => random.pick(formatted),
    () => random.pick([null, true, false]),
    () => (depth === 0 ? 'a' : { list: random.list(0, 3, () => value(random, depth - 1)) }),
    () => (depth === 0 ? number('1') : { fields: fields(random, () => value(random, depth - 1)) }),
  );
}

const fields = (random, make) => random.list(0, 3, () => [random.pick(names), make()]);

/** A value as JSON text. Of fields with the same name all are written. */
export function write(one, space = '') {
  if (one === null || typeof one !== 'object') return JSON.stringify(one);
  if ('number' in one) return one.number;
  if ('list' in one) return `[${space}${one.list.map((inner) => write(inner, space)).join(`,${space}`)}]`;
  return `{${space}${one.fields.map(([key, inner]) => `${JSON.stringify(key)}:${space}${write(inner, space)}`).join(`,${space}`)}}`;
}

const keep = (random, all, share) => random.some(Object.entries(all), share);

const TOP = 3;

/** A schema as a value. References work at its top only. */
export function schema(random, depth = TOP) {
  if (random.chance(0.04)) return random.chance(0.8);
  const inner = () => schema(random, depth - 1);
  const small = () => number(String(random.int(0, 3)));
  const limit = () => number(random.pick(numbers));
  const kinds = {
    number: () => [
      ['type', random.pick(['number', 'integer'])],
      ...keep(
        random,
        { minimum: limit(), maximum: limit(), exclusiveMinimum: limit(), exclusiveMaximum: limit() },
        0.2,
      ),
      ...keep(random, { multipleOf: number(random.pick(['1', '2', '0.1', '0.01', '3', '0.5', '1e-8'])) }, 0.2),
    ],
    string: () => [
      ['type', 'string'],
      ...keep(random, { minLength: small(), maxLength: small(), pattern: random.pick(patterns) }, 0.25),
      ...keep(random, { format: random.pick(formats) }, 0.3),
    ],
    list: () => [
      ['type', 'array'],
      ...keep(random, { minItems: small(), maxItems: small(), uniqueItems: random.chance(0.8) }, 0.3),
      ...(depth > 0
        ? keep(random, { items: inner(), contains: inner(), prefixItems: { list: random.list(1, 2, inner) } }, 0.4)
        : []),
    ],
    object: () => [
      ['type', 'object'],
      ...keep(random, { minProperties: small(), maxProperties: small() }, 0.15),
      ['required', { list: [...new Set(random.list(0, 2, () => random.pick(names)))] }],
      ...(depth > 0
        ? [
            ['properties', { fields: unique(fields(random, inner)) }],
            ...keep(
              random,
              {
                additionalProperties: inner(),
                propertyNames: inner(),
                patternProperties: { fields: unique(random.list(1, 2, () => [random.pick(patterns), inner()])) },
              },
              0.2,
            ),
            ...keep(
              random,
              { dependentRequired: { fields: [[random.pick(names), { list: [random.pick(names)] }]] } },
              0.1,
            ),
          ]
        : []),
    ],
    constant: () => [
      random.chance(0.5)
        ? ['const', value(random, 1)]
        : ['enum', { list: unequal(random.list(1, 4, () => value(random, 1))) }],
    ],
    several: () => [
      [
        'type',
        {
          list: [
            ...new Set(
              random.list(1, 3, () =>
                random.pick(['string', 'number', 'integer', 'boolean', 'null', 'array', 'object']),
              ),
            ),
          ],
        },
      ],
    ],
    logic: () =>
      depth === 0
        ? []
        : random.oneOf(
            () => [[random.pick(['anyOf', 'oneOf', 'allOf']), { list: random.list(1, 3, inner) }]],
            () => [['not', inner()]],
            () => [
              ['if', inner()],
              ['then', inner()],
              ['else', inner()],
            ],
            () =>
              depth === TOP
                ? [
                    ['$ref', '#/$defs/d'],
                    ['$defs', { fields: [['d', inner()]] }],
                  ]
                : [['not', { fields: [['not', inner()]] }]],
          ),
  };
  const found = kinds[random.pick(Object.keys(kinds))]();
  return { fields: found };
}

const unique = (entries) => [...new Map(entries)];
const unequal = (values) => [...new Map(values.map((one) => [write(one), one])).values()];

/** A value that has a chance to fit a schema: its constants, its required fields, its type. */
export function fitting(random, one, depth = 3) {
  if (typeof one !== 'object' || depth === 0) return value(random, 1);
  const said = Object.fromEntries(one.fields);
  if (Object.hasOwn(said, 'const')) return said.const;
  if (said.enum) return random.pick(said.enum.list);
  for (const name of ['allOf', 'anyOf', 'oneOf'])
    if (said[name]) return fitting(random, random.pick(said[name].list), depth - 1);
  if (said.$defs) return fitting(random, said.$defs.fields[0][1], depth - 1);
  if (said.then) return fitting(random, random.chance(0.5) ? said.then : said.else, depth - 1);
  const type = typeof said.type === 'object' ? random.pick(said.type.list) : said.type;
  if (type === 'number' || type === 'integer') {
    const edges = ['minimum', 'maximum', 'exclusiveMinimum', 'multipleOf'].flatMap((name) => said[name] ?? []);
    return edges.length > 0 && random.chance(0.5) ? random.pick(edges) : number(random.pick(numbers));
  }
  if (type === 'string') return random.pick(said.format ? formatted : strings);
  if (type === 'boolean' || type === 'null') return type === 'null' ? null : random.chance(0.5);
  if (type === 'array') {
    const items = said.prefixItems?.list ?? [];
    return {
      list: random.list(0, 3, (i) => fitting(random, items[i] ?? said.items ?? said.contains ?? true, depth - 1)),
    };
  }
  if (type !== 'object') return value(random, 1);
  const known = new Map(said.properties?.fields ?? []);
  const wanted = [...(said.required?.list ?? []), ...random.some([...known.keys()], 0.6)];
  return { fields: [...new Set(wanted)].map((name) => [name, fitting(random, known.get(name) ?? true, depth - 1)]) };
}
