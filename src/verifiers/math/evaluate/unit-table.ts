import type { Rational } from './rational.js';

export type Powers = Readonly<Record<string, number>>;

/** Units without prefixes: their size in the dimension's base unit, then their names. */
export const BASES: readonly (readonly [Powers, readonly string[]])[] = [
  [
    { length: 1 },
    [
      '0.0254 in inch inches',
      '0.3048 ft foot feet',
      '0.9144 yd yard yards',
      '1609.344 mi mile miles',
      '0.1 dm decimeter decimeters decimetre decimetres',
      '0.01 cm centimeter centimeters centimetre centimetres',
    ],
  ],
  [{ length: 2 }, ['10000 ha hectare hectares', '4046.8564224 acre acres']],
  [
    { length: 3 },
    [
      '0.00001 cl cL centiliter centiliters centilitre centilitres',
      '0.0001 dl dL deciliter deciliters decilitre decilitres',
      '0.000001 cc',
      '0.003785411784 gal gallon gallons',
      '0.000946352946 quart quarts qt',
      '0.000473176473 pint pints',
    ],
  ],
  [
    { mass: 1 },
    ['453.59237 lb lbs pound pounds', '28.349523125 oz ounce ounces', '1000000 tonne tonnes', '1000 kilo kilos'],
  ],
  [{ ton: 1 }, ['1 ton tons']],
  [
    { time: 1 },
    [
      '1 sec secs',
      '60 min mins minute minutes',
      '3600 h hr hrs hour hours',
      '86400 day days',
      '604800 week weeks wk wks',
      '1209600 fortnight fortnights',
    ],
  ],
  [{ month: 1 }, ['1 month months', '12 year years yr yrs', '120 decade decades', '1200 century centuries']],
  [
    { length: 1, time: -1 },
    ['0.44704 mph', '0.277777777777777777777777777778 kph kmh kmph', '0.514444444444444444 knot knots'],
  ],
  [{ turn: 1, time: -1 }, ['1 rpm']],
  [{ usd: 1 }, ['1 dollar dollars usd USD US$ $ buck bucks', '0.01 cent cents']],
  [{ eur: 1 }, ['1 euro euros eur EUR €']],
  [{ gbp: 1 }, ['1 £ gbp GBP quid sterling', '0.01 pence penny']],
  [{ jpy: 1 }, ['1 ¥ yen jpy JPY']],
  [{ cny: 1 }, ['1 yuan cny CNY rmb RMB renminbi', '0.1 jiao']],
  [{ inr: 1 }, ['1 ₹ rupee rupees inr INR Rs', '0.01 paise paisa']],
  [{ krw: 1 }, ['1 ₩ won krw KRW']],
  [{ rub: 1 }, ['1 ₽ ruble rubles rouble roubles rub RUB']],
  [{ try: 1 }, ['1 ₺ lira TRY']],
  [{ vnd: 1 }, ['1 ₫ dong VND']],
  [{ chf: 1 }, ['1 franc francs CHF']],
  [{ mxn: 1 }, ['1 peso pesos MXN']],
  [{ cad: 1 }, ['1 C$ CA$ CAD']],
  [{ aud: 1 }, ['1 A$ AU$ AUD']],
  [{ hkd: 1 }, ['1 HK$ HKD']],
  [{ twd: 1 }, ['1 NT$ TWD']],
  [{ morning: 1 }, ['1 am AM']],
  [{ afternoon: 1 }, ['1 pm PM']],
];

/** Symbol, word and value of a prefix. */
export const PREFIXES: readonly (readonly [string, string, string])[] = [
  ['', '', '1'],
  ['n', 'nano', '0.000000001'],
  ['µ', 'micro', '0.000001'],
  ['μ', 'micro', '0.000001'],
  ['m', 'milli', '0.001'],
  ['k', 'kilo', '1000'],
  ['M', 'mega', '1000000'],
  ['G', 'giga', '1000000000'],
  ['T', 'tera', '1000000000000'],
];

const plural = (...names: readonly string[]): readonly string[] => names.flatMap((name) => [name, `${name}s`]);

/** Units with prefixes: dimension, size, symbols, names. */
export const PREFIXED: readonly (readonly [Powers, string, readonly string[], readonly string[]])[] = [
  [{ length: 1 }, '1', ['m'], plural('meter', 'metre')],
  [{ mass: 1 }, '1', ['g'], plural('gram', 'gramme')],
  [{ time: 1 }, '1', ['s'], plural('second')],
  [{ length: 3 }, '0.001', ['L', 'l'], plural('liter', 'litre')],
  [{ current: 1 }, '1', ['A'], plural('ampere', 'amp')],
  [{ time: -1 }, '1', ['Hz'], ['hertz']],
  [{ mass: 1, length: 1, time: -2 }, '1000', ['N'], plural('newton')],
  [{ mass: 1, length: 2, time: -2 }, '1000', ['J'], plural('joule')],
  [{ mass: 1, length: 2, time: -2 }, '4184', ['cal'], plural('calorie')],
  [{ mass: 1, length: 2, time: -2 }, '3600000', ['Wh'], ['watt-hour', 'watt-hours']],
  [{ mass: 1, length: 2, time: -3 }, '1000', ['W'], plural('watt')],
  [{ mass: 1, length: -1, time: -2 }, '1000', ['Pa'], plural('pascal')],
  [{ mass: 1, length: -1, time: -2 }, '100000000', ['bar'], plural('bar')],
  [{ mass: 1, length: 2, time: -3, current: -1 }, '1000', ['V'], plural('volt')],
  [{ mass: 1, length: 2, time: -3, current: -2 }, '1000', ['Ω'], plural('ohm')],
  [{ current: 1, time: 1 }, '1', ['C'], plural('coulomb')],
  [{ mass: -1, length: -2, time: 4, current: 2 }, '0.001', ['F'], plural('farad')],
  [{ mass: 1, time: -2, current: -1 }, '1000', ['T'], plural('tesla')],
  [{ amount: 1 }, '1', ['mol'], plural('mole')],
  [{ energy: 1 }, '1', ['eV'], []],
];

const KELVIN: Rational = { n: 1n, d: 1n };
const TEMPERATURE_UNITS: readonly (readonly [string, Rational, Rational])[] = [
  ['°c °celsius celsius centigrade °centigrade', { n: 5463n, d: 20n }, KELVIN],
  ['°f °fahrenheit fahrenheit', { n: 45967n, d: 100n }, { n: 5n, d: 9n }],
  ['k kelvin kelvins °kelvin', { n: 0n, d: 1n }, KELVIN],
];

/** Offset and factor to kelvins. */
export const TEMPERATURES: ReadonlyMap<string, readonly [Rational, Rational]> = new Map(
  TEMPERATURE_UNITS.flatMap(([names, offset, factor]) =>
    names.split(' ').map((name) => [name, [offset, factor]] as const),
  ),
);

/** Words for a multiple. */
export const COUNTS: ReadonlyMap<string, bigint> = new Map(
  Object.entries({
    dozen: 12n,
    dozens: 12n,
    gross: 144n,
    score: 20n,
    hundred: 100n,
    hundreds: 100n,
    thousand: 10n ** 3n,
    thousands: 10n ** 3n,
    lakh: 10n ** 5n,
    million: 10n ** 6n,
    millions: 10n ** 6n,
    crore: 10n ** 7n,
    billion: 10n ** 9n,
    billions: 10n ** 9n,
    trillion: 10n ** 12n,
    trillions: 10n ** 12n,
  }),
);
