// Changes to bytes and texts that readers of foreign input have to survive.

/** Pieces that mean something to one of the readers. */
const PIECES = [
  ...['null', '-1', '0', '1e999', '9007199254740993', '0x10', 'NaN', '""', '[]', '{}', '{{', '}}', '{%', '%}', '<!--'],
  ...[
    '\u0000',
    '\ufeff',
    '\ud800',
    '\r\n',
    '\t',
    '&a',
    '*a',
    '<<: *a',
    '!!js/function',
    '|',
    '>',
    '---',
    '\\',
    '"',
    "'",
  ],
  ...['__proto__', 'constructor', '../..', '/etc/passwd', 'file:///', '</table>', '<table><tr><td>', '\\frac{1}{0}'],
  ...['%PDF-1.7', 'PK\u0003\u0004', 'for i in range(99999999)', '9'.repeat(400), '('.repeat(200), '['.repeat(200)],
];

/**
 * @param random draws, as `seeded` of scripts/adversary makes them
 * @param bytes what is changed, one to four times
 * @param others what pieces may be taken from
 */
export function mutated(random, bytes, others) {
  let now = Buffer.from(bytes);
  const times = random.int(1, 4);
  for (let i = 0; i < times; i++) now = random.pick(changes)(random, now, others);
  return now;
}

const at = (random, bytes) => random.int(0, Math.max(0, bytes.length - 1));
const span = (random, bytes) => {
  const from = at(random, bytes);
  return [from, Math.min(bytes.length, from + random.int(1, random.chance(0.8) ? 8 : 256))];
};
const joined = (...parts) => Buffer.concat(parts);

const changes = [
  (random, bytes) => {
    if (bytes.length === 0) return bytes;
    bytes[at(random, bytes)] ^= 1 << random.int(0, 7);
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length > 0) bytes[at(random, bytes)] = random.int(0, 255);
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, at(random, bytes)),
  (random, bytes) => {
    const [from, to] = span(random, bytes);
    return joined(bytes.subarray(0, from), bytes.subarray(to));
  },
  (random, bytes) => {
    const [from, to] = span(random, bytes);
    return joined(bytes.subarray(0, to), bytes.subarray(from));
  },
  (random, bytes) => {
    const place = at(random, bytes);
    return joined(bytes.subarray(0, place), Buffer.from(random.pick(PIECES)), bytes.subarray(place));
  },
  (random, bytes) => {
    const [from, to] = span(random, bytes);
    return joined(bytes.subarray(0, from), Buffer.from(random.pick(PIECES)), bytes.subarray(to));
  },
  (random, bytes, others) => {
    const other = random.pick(others);
    const [from, to] = span(random, other);
    const place = at(random, bytes);
    return joined(bytes.subarray(0, place), other.subarray(from, to), bytes.subarray(place));
  },
  (random, bytes) => {
    // A number in a text, changed to one at a limit.
    const text = bytes.toString('latin1');
    const found = [...text.matchAll(/\d+/g)];
    if (found.length === 0) return bytes;
    const one = random.pick(found);
    const limit = random.pick(['0', '-1', '255', '65536', '4294967296', '18446744073709551616', '1e308', '0.5']);
    return Buffer.from(text.slice(0, one.index) + limit + text.slice(one.index + one[0].length), 'latin1');
  },
];
