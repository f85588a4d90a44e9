import { divide, multiply, ONE, parseDecimal, type Rational } from './rational.js';
import { BASES, COUNTS, type Powers, PREFIXED, PREFIXES, TEMPERATURES } from './unit-table.js';

/** The dimension as powers of base dimensions. Units of different dimensions are never equal. */
interface Unit {
  readonly powers: Powers;
  /** Size in the dimension's base unit. */
  readonly factor: Rational;
}

/** A unit as written. A temperature is `(value + offset) * factor` kelvins. */
export interface ReadUnit {
  readonly dimension: string;
  readonly factor: Rational;
  readonly offset?: Rational;
}

const decimal = (text: string): Rational => parseDecimal(text) ?? ONE;
const TABLE = new Map<string, Unit>();

for (const [powers, entries] of BASES)
  for (const entry of entries) {
    const [size = '1', ...names] = entry.split(' ');
    for (const name of names) TABLE.set(name, { powers, factor: decimal(size) });
  }
for (const [powers, size, symbols, names] of PREFIXED)
  for (const [prefix, word, scale] of PREFIXES) {
    const factor = multiply(decimal(size), decimal(scale)) ?? ONE;
    const spelled = [...symbols.map((symbol) => prefix + symbol), ...names.map((name) => word + name)];
    for (const name of spelled) if (!TABLE.has(name)) TABLE.set(name, { powers, factor });
  }

const named = (name: string): Unit | undefined =>
  TABLE.get(name) ?? (name.length > 2 ? TABLE.get(name.toLowerCase()) : undefined);

export const isUnit = (word: string): boolean => named(word) !== undefined;

/** The number that a word such as `dozen` or `million` multiplies by. */
export const scaleOf = (word: string): bigint | undefined => COUNTS.get(word.toLowerCase());
export const isScale = (word: string): boolean => scaleOf(word) !== undefined;

/** Normalizes `square cm`, `cm²`, `km per hour` and `m·s^-1`. */
function spelled(text: string): string {
  return text
    .replace(/\\cdot(?![a-z])|[·*~]/g, ' ')
    .replace(/[{}\\]/g, '')
    .replace(/²/g, '^2')
    .replace(/³/g, '^3')
    .replace(/\b(?:square|sq\.?)\s+([a-z]+)/gi, '$1^2')
    .replace(/\b(?:cubic|cu\.?)\s+([a-z]+)/gi, '$1^3')
    .replace(/\b([a-z]+)\s+squared\b/gi, '$1^2')
    .replace(/\b([a-z]+)\s+cubed\b/gi, '$1^3')
    .replace(/(?<=[a-z])([23])\b/gi, '^$1')
    .replace(/\s+per\s+|\s*\/\s*/g, ' /')
    .trim();
}

function readWhole(text: string): ReadUnit | undefined {
  const temperature = TEMPERATURES.get(text.toLowerCase().replace(/^(?:degrees? |deg\.? |° ?)(?=[a-z])/, '°'));
  if (temperature) {
    const [offset, factor] = temperature;
    return { dimension: 'temperature', factor, offset };
  }
  const powers = new Map<string, number>();
  let factor: Rational | undefined = ONE;
  for (const part of spelled(text).split(/\s+/)) {
    const [, slash, name = '', exponent = '1'] =
      /^(\/?)([a-zA-ZµμΩ$€£¥₹₩₽₺₫]+)\.?(?:\^\(?(-?\d)\)?)?$/.exec(part) ?? [];
    const unit = named(name);
    if (!unit) return undefined;
    const times = Number(exponent) * (slash ? -1 : 1);
    for (const [base, power] of Object.entries(unit.powers)) powers.set(base, (powers.get(base) ?? 0) + power * times);
    for (let k = 0; k < Math.abs(times); k++)
      factor = factor && (times > 0 ? multiply(factor, unit.factor) : divide(factor, unit.factor));
  }
  const dimension = [...powers].filter(([, power]) => power !== 0).map((entry) => entry.join('^'));
  return factor && { dimension: dimension.sort().join(' '), factor };
}

/** @returns undefined if any part of the text is not a known unit */
export const readUnit = (text: string): ReadUnit | undefined => readWhole(text.trim().replace(/[.,;]+$/, ''));

/** The unit that a text such as `hours ago` begins with. */
export function leadingUnit(text: string): ReadUnit | undefined {
  const words = text.trim().split(/\s+/);
  for (let length = words.length; length > 0; length--) {
    const unit = readUnit(words.slice(0, length).join(' '));
    if (unit) return /^(?:per\b|\/|\^|of\b)/.test(words.slice(length).join(' ')) ? undefined : unit;
  }
  return undefined;
}
