const words = (text: string): readonly string[] => text.split(/\s+/);

/** Functions that can be evaluated, by their names in a text. */
export const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ...words(`sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch
    arsinh arcosh artanh cis ln log lg exp sqrt cbrt abs gcd lcm max min floor ceil sgn`).map(
    (name) => [name, name] as const,
  ),
  ...Object.entries({
    asin: 'arcsin',
    acos: 'arccos',
    atan: 'arctan',
    tg: 'tan',
    ctg: 'cot',
    arctg: 'arctan',
    arcctg: 'arccot',
    cosec: 'csc',
    arcsinh: 'arsinh',
    arccosh: 'arcosh',
    arctanh: 'artanh',
    asinh: 'arsinh',
    acosh: 'arcosh',
    atanh: 'artanh',
    Re: 'realPart',
    Im: 'imaginaryPart',
    sign: 'sgn',
  }),
]);

/** Words and commands for a symbol or operator. */
export const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
  }),
);

export const GREEK = new Set(
  words(`alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi
    psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar`),
);

/** Commands that only change the appearance. */
export const SILENT = new Set(
  words(`left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle scriptstyle limits nolimits
    mathrm mathbf mathit mathsf mathtt mathcal boldsymbol bm rm bf it operatorname mathop n t boxed fbox framebox
    hline nonumber notag phantom tiny small large Large ensuremath color`),
);

/** Accents: part of the name below them. */
export const ACCENTS = new Set(words('vec overrightarrow hat bar overline tilde widehat dot angle triangle'));

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

export const TEXT_COMMANDS = new Set(words('text textbf textit textrm textsf texttt mbox hbox textnormal emph textup'));

export const RELATION_COMMANDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
    equiv: '≡',
    cong: 'other',
    sim: 'other',
    subset: 'other',
    subseteq: 'other',
    mid: 'mid',
    in: 'in',
    notin: 'other',
    ni: 'other',
    supset: 'other',
    supseteq: 'other',
    subsetneq: 'other',
    nsubseteq: 'other',
    ll: 'other',
    gg: 'other',
    asymp: 'other',
    doteq: 'other',
    nless: '>=',
    ngtr: '<=',
    nleq: '>',
    ngeq: '<',
    to: 'other',
    rightarrow: 'other',
    mapsto: 'other',
    perp: 'other',
    parallel: 'other',
    propto: 'other',
  }),
);

/** Commands that make a fraction of two arguments. */
export const FRACTION = /^(?:[dtcs]|nice)?frac$/;
