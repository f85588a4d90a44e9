const words = (text: string): readonly string[] => text.split(' ');
const SMALL = words(
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen ' +
    'seventeen eighteen nineteen',
);
const TENS = words('twenty thirty forty fifty sixty seventy eighty ninety');
const SCALES: ReadonlyMap<string, bigint> = new Map(
  ['thousand', 'million', 'billion', 'trillion'].map((name, k) => [name, 1000n ** BigInt(k + 1)]),
);
const PARTS: ReadonlyMap<string, number> = new Map([
  ['half', 2],
  ['quarter', 4],
  ...words('third fourth fifth sixth seventh eighth ninth tenth').map((name, k) => [name, k + 3] as const),
  ['twelfth', 12],
  ['hundredth', 100],
  ['thousandth', 1000],
]);

const smallValue = (word: string): number => {
  const small = SMALL.indexOf(word);
  return small >= 0 ? small : 10 * (TENS.indexOf(word) + 2);
};

/** The words of a whole number from `at`, and where they end. Each scale is smaller than the one before it. */
function readCardinal(
  text: readonly string[],
  at: number,
): { readonly value: bigint; readonly end: number } | undefined {
  let [total, group, end] = [0n, 0n, at];
  let smallest = Number.POSITIVE_INFINITY;
  let [room, started] = [1000n, false];
  for (; end < text.length; end++) {
    const word = text[end] ?? '';
    const scale = SCALES.get(word);
    if (SMALL.includes(word) || TENS.includes(word)) {
      const value = BigInt(smallValue(word));
      if (value >= room || (started && value === 0n)) break;
      group += value;
      room = value >= 20n ? 10n : 1n;
    } else if (word === 'hundred' && group > 0n && group < 100n) {
      group *= 100n;
      room = 100n;
    } else if (scale && group > 0n && Number(scale) < smallest) {
      total += group * scale;
      [group, room, smallest] = [0n, 1000n, Number(scale)];
    } else if (word !== 'and' || !started || !/^(?:hundred|thousand|million|billion)$/.test(text[end - 1] ?? '')) break;
    started = true;
  }
  if (text[end - 1] === 'and') end--;
  return started ? { value: total + group, end } : undefined;
}

const partOf = (word: string | undefined): number | undefined =>
  word === undefined ? undefined : PARTS.get(word === 'halves' ? 'half' : word.replace(/s$/, ''));

/**
 * A number in words, and a unit of at most two words after it, in digits. Other texts are returned as they are.
 * @example inDigits('twenty-one dollars') // '21\\text{ dollars}'
 * @example inDigits('two and a half') // '2\\frac{1}{2}'
 */
export function inDigits(source: string): string {
  if (/\d/.test(source) || source.length > 200) return source;
  const flat = source.replace(/\\(?:text\w*|mbox|mathrm)\s*\{([^{}]*)\}/g, ' $1 ').replace(/[$.,;:!]+\s*$/, '');
  const [, sign = '', said = ''] = /^\s*(?:(minus|negative)\s+)?([a-z][a-z\s-]*)$/i.exec(flat) ?? [];
  const text = said
    .toLowerCase()
    .trim()
    .split(/[\s-]+/);
  // A hundred, a dozen, a third.
  const one = text[0] === 'a' && /^(?:hundred|thousand|million|billion|trillion|dozen)$/.test(text[1] ?? '');
  if (one) text[0] = 'one';
  const whole = text[0] === 'a' && partOf(text[1]) ? { value: 1n, end: 1 } : readCardinal(text, 0);
  const lone = whole === undefined && text[0] === 'half' ? { value: 1n, end: 0 } : undefined;
  const read = whole ?? lone;
  if (!read) return source;
  let { value, end } = read;
  let digits = String(value);
  if (text[end] === 'dozen') {
    value *= 12n;
    digits = String(value);
    end++;
  }
  const part = partOf(text[end]);
  if (part) {
    digits = `\\frac{${value}}{${part}}`;
    end++;
  } else if (text[end] === 'point') {
    const decimals = text.slice(end + 1).map((word) => SMALL.indexOf(word));
    const count = decimals.findIndex((digit) => digit < 0 || digit > 9);
    const kept = count < 0 ? decimals : decimals.slice(0, count);
    if (kept.length === 0) return source;
    digits += `.${kept.join('')}`;
    end += 1 + kept.length;
  } else if (text[end] === 'and') {
    const more = text[end + 1] === 'a' ? { value: 1n, end: end + 2 } : readCardinal(text, end + 1);
    const denominator = more && partOf(text[more.end]);
    if (!more || !denominator) return source;
    digits += `\\frac{${more.value}}{${denominator}}`;
    end = more.end + 1;
  }
  const unit = text.slice(end);
  if (unit.length > 2 || unit.some((word) => SMALL.includes(word) || NO_UNIT.test(word))) return source;
  return `${sign ? '-' : ''}${digits}${unit.length > 0 ? `\\text{ ${unit.join(' ')}}` : ''}`;
}

const NO_UNIT =
  /^(?:of|or|and|to|is|are|not|no|more|less|fewer|least|most|so|than|plus|minus|times|the|a|an|on|in|at|by|hundred|thousand|squared|cubed|factorial|dozen|percent)$/;
