/** Functions that can be evaluated, by the names that texts give them. */
export const FUNCTIONS: Readonly<Record<string, string>> = Object.assign(
  Object.fromEntries(
    'sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg exp sqrt cbrt abs gcd lcm max min floor ceil sgn'
      .split(' ')
      .map((name) => [name, name]),
  ),
  { asin: 'arcsin', acos: 'arccos', atan: 'arctan', tg: 'tan', ctg: 'cot', arctg: 'arctan', cosec: 'csc', sign: 'sgn' },
);

/** Words and commands that stand for one symbol or operator. */
export const ALIASES: Readonly<Record<string, string>> = {
  infty: 'infinity',
  infinity: 'infinity',
  inf: 'infinity',
  oo: 'infinity',
  pi: 'pi',
  varepsilon: 'epsilon',
  varphi: 'phi',
  vartheta: 'theta',
  emptyset: 'emptyset',
  varnothing: 'emptyset',
};

export const GREEK = new Set(
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar'.split(
    ' ',
  ),
);

/** Commands that only change how things look. */
export const SILENT = new Set(
  'left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle scriptstyle limits nolimits mathrm mathbf mathit mathsf mathtt mathcal boldsymbol bm rm bf it operatorname mathop n t boxed fbox hline nonumber notag phantom tiny small large Large ensuremath color'.split(
    ' ',
  ),
);

/** Marks above a name: they belong to the name. */
export const ACCENTS = new Set('vec overrightarrow hat bar overline tilde widehat dot angle triangle'.split(' '));

export const SPACES = new Set([
  'quad',
  'qquad',
  ',',
  ';',
  ':',
  '!',
  ' ',
  'enspace',
  'hspace',
  'thinspace',
  'space',
  '>',
]);

export const TEXT_COMMANDS = new Set(
  'text textbf textit textrm textsf texttt mbox hbox textnormal emph textup'.split(' '),
);

export const RELATION_COMMANDS: Readonly<Record<string, string>> = {
  le: '<=',
  leq: '<=',
  leqslant: '<=',
  leqq: '<=',
  lt: '<',
  ge: '>=',
  geq: '>=',
  geqslant: '>=',
  geqq: '>=',
  gt: '>',
  ne: '!=',
  neq: '!=',
  approx: '~',
  simeq: '~',
  approxeq: '~',
  equiv: 'other',
  cong: 'other',
  sim: 'other',
  subset: 'other',
  subseteq: 'other',
  mid: 'mid',
  in: 'in',
  to: 'other',
  rightarrow: 'other',
  mapsto: 'other',
  perp: 'other',
  parallel: 'other',
  propto: 'other',
  pmod: 'other',
};

interface Unit {
  /** What is measured; units of different dimensions never agree. */
  readonly dimension: string;
  /** How many of the dimension's base unit, as a decimal. */
  readonly factor: string;
}

const table: Record<string, Unit> = {};
const define = (dimension: string, entries: Record<string, string>) => {
  for (const [factor, names] of Object.entries(entries))
    for (const name of names.split(' ')) table[name] = { dimension, factor: factor.trim() };
};
define('length', {
  ' 0.001': 'mm millimeter millimeters millimetre millimetres',
  ' 0.01': 'cm centimeter centimeters centimetre centimetres',
  ' 0.1': 'dm decimeter decimeters',
  ' 1': 'm meter meters metre metres',
  ' 1000': 'km kilometer kilometers kilometre kilometres',
  ' 0.0254': 'in inch inches',
  ' 0.3048': 'ft foot feet',
  ' 0.9144': 'yd yard yards',
  ' 1609.344': 'mi mile miles',
});
define('mass', {
  ' 0.001': 'mg milligram milligrams',
  ' 1': 'g gram grams',
  ' 1000': 'kg kilogram kilograms',
  ' 453.59237': 'lb lbs pound pounds',
  ' 28.349523125': 'oz ounce ounces',
});
define('time', {
  ' 0.001': 'ms millisecond milliseconds',
  ' 1': 's sec secs second seconds',
  ' 60': 'min mins minute minutes',
  ' 3600': 'h hr hrs hour hours',
  ' 86400': 'day days',
  ' 604800': 'week weeks',
});
define('month', { ' 1': 'month months', ' 12': 'year years' });
define('volume', {
  ' 0.001': 'ml mL milliliter milliliters millilitre millilitres',
  ' 1': 'l L liter liters litre litres',
});
define('money-cents', { ' 0.01': 'cent cents', ' 1': 'dollar dollars usd USD' });
define('euro', { ' 1': 'euro euros eur EUR' });
define('angle', { ' 1': 'degree degrees deg' });
define('radian', { ' 1': 'radian radians rad' });
export const UNITS: Readonly<Record<string, Unit>> = Object.freeze(table);
