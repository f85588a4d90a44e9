import { divide, multiply, ONE, parseDecimal, type Rational } from './rational.js';

/** The dimension as powers of base dimensions. Units of different dimensions are never equal. */
interface Unit {
  readonly powers: Readonly<Record<string, number>>;
  /** Size in the dimension's base unit. */
  readonly factor: Rational;
}

const TABLE = new Map<string, Unit>();
const define = (powers: Readonly<Record<string, number>>, entries: readonly string[]) => {
  for (const entry of entries) {
    const [decimal = '1', ...names] = entry.split(' ');
    for (const name of names) TABLE.set(name, { powers, factor: parseDecimal(decimal) ?? ONE });
  }
};
define({ length: 1 }, [
  '0.001 mm millimeter millimeters millimetre millimetres',
  '0.01 cm centimeter centimeters centimetre centimetres',
  '0.1 dm decimeter decimeters decimetre decimetres',
  '1 m meter meters metre metres',
  '1000 km kilometer kilometers kilometre kilometres',
  '0.0254 in inch inches',
  '0.3048 ft foot feet',
  '0.9144 yd yard yards',
  '1609.344 mi mile miles',
]);
define({ length: 2 }, ['10000 ha hectare hectares']);
define({ length: 3 }, [
  '0.000001 ml mL milliliter milliliters millilitre millilitres',
  '0.00001 cl cL centiliter centiliters',
  '0.001 l L liter liters litre litres',
]);
define({ mass: 1 }, [
  '0.001 mg milligram milligrams',
  '1 g gram grams',
  '1000 kg kilogram kilograms',
  '453.59237 lb lbs pound pounds',
  '28.349523125 oz ounce ounces',
]);
define({ time: 1 }, [
  '0.001 ms millisecond milliseconds',
  '1 s sec secs second seconds',
  '60 min mins minute minutes',
  '3600 h hr hrs hour hours',
  '86400 day days',
  '604800 week weeks',
]);
define({ month: 1 }, ['1 month months', '12 year years']);
define({ money: 1 }, ['0.01 cent cents', '1 dollar dollars usd USD']);
define({ morning: 1 }, ['1 am AM']);
define({ afternoon: 1 }, ['1 pm PM']);
define({ euro: 1 }, ['1 euro euros eur EUR']);
define({ length: 1, time: -1 }, ['0.44704 mph']);

const named = (name: string): Unit | undefined =>
  TABLE.get(name) ?? (name.length > 2 ? TABLE.get(name.toLowerCase()) : undefined);

export const isUnit = (word: string): boolean => named(word) !== undefined;

/** Normalizes `square cm`, `cm²`, `km per hour` and `m·s^-1`. */
function spelled(text: string): string {
  return text
    .replace(/\\cdot(?![a-z])|[·*~]/g, ' ')
    .replace(/[{}]/g, '')
    .replace(/²/g, '^2')
    .replace(/³/g, '^3')
    .replace(/\b(?:square|sq\.?)\s+([a-z]+)/gi, '$1^2')
    .replace(/\b(?:cubic|cu\.?)\s+([a-z]+)/gi, '$1^3')
    .replace(/\s+per\s+|\s*\/\s*/g, ' /')
    .trim();
}

/** @returns undefined if any part of the text is not a known unit */
export function readUnit(text: string): { readonly dimension: string; readonly factor: Rational } | undefined {
  const powers = new Map<string, number>();
  let factor: Rational | undefined = ONE;
  for (const part of spelled(text).split(/\s+/)) {
    const [, slash, name = '', exponent = '1'] = /^(\/?)([a-zA-Z]+)\.?(?:\^(-?\d))?$/.exec(part) ?? [];
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
