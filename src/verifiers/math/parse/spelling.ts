/** `needs`: the pattern can match only a text with one of these, which is quicker to find. */
type Rule = readonly [
  pattern: RegExp,
  replacement: string | ((found: string, ...groups: string[]) => string),
  needs?: readonly string[],
];

/** Content of a pair of braces with at most two nested pairs. */
const BRACED = String.raw`\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}`;
const NAME_ENDS = '(?![a-zA-Z])';
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';
const digits = (text: string, alphabet: string): string =>
  [...text].map((character) => (character === '⁻' ? '-' : String(alphabet.indexOf(character)))).join('');

/** Subsets of the numbers by the sign after their letter, as in `R^+`. */
const SUBSETS: ReadonlyMap<string, string> = new Map([
  ['+', 'positive'],
  ['>', 'positive'],
  ['-', 'negative'],
  ['<', 'negative'],
  ['*', 'nonzero'],
]);

/** `1010 base 2` and `1010_{\text{two}}`. */
export const BASE =
  /(?<![\w.])\(?(\d[\dA-F]*)\)?(?:\s*(?:\\text\s*\{\s*)?\(?\s*(?:in\s+)?(?:base[\s-]*\}?\s*|(?=binary|octal))(\d+|binary|octal|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen)\s*\)?\}?|_\s*\{?\s*\\text\s*\{\s*(two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen)\s*\}\s*\}?)/gi;
const BASES =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'.split(' ');
export const baseOf = (name: string): string =>
  /^\d/.test(name)
    ? name
    : /^binary$/i.test(name)
      ? '2'
      : /^octal$/i.test(name)
        ? '8'
        : String(BASES.indexOf(name.toLowerCase()));

const AMOUNT = String.raw`(-?\s*(?:\d(?:[\d.,⁀]*\d)?|\.\d+))`;
const NAMES: Readonly<Record<string, string>> = {
  $: 'usd',
  US$: 'usd',
  C$: 'CAD',
  CA$: 'CAD',
  A$: 'AUD',
  AU$: 'AUD',
  HK$: 'HKD',
  NT$: 'TWD',
};

/** Signs of currencies before or after an amount. An unescaped `$` is one only if it has no partner. */
const CURRENCIES: readonly Rule[] = [
  [
    new RegExp(String.raw`((?:US|CA?|AU?|HK|NT)\s*\\?\$|\\\$|[€£¥₹₩₽₺₫])\s*(?:\\[,!; ])?${AMOUNT}`, 'g'),
    (_, sign = '', amount = '') => {
      const name = sign.replace(/[\\\s]/g, '');
      return `${amount}\\text{ ${NAMES[name] ?? name}}`;
    },
    [...'$€£¥₹₩₽₺₫'],
  ],
  [
    new RegExp(String.raw`\b(USD|EUR|GBP|JPY|CNY|INR|KRW|CAD|AUD|HKD|TWD|CHF|MXN|Rs)\.?\s*${AMOUNT}`, 'g'),
    '$2\\text{ $1}',
    ['USD', 'EUR', 'GBP', 'JPY', 'CNY', 'INR', 'KRW', 'CAD', 'AUD', 'HKD', 'TWD', 'CHF', 'MXN', 'Rs'],
  ],
  [new RegExp(String.raw`${AMOUNT}\s*(?:\\[,; ])?\s*([€£¥₹₩₽₺₫])`, 'g'), '$1\\text{ $2}', [...'€£¥₹₩₽₺₫']],
  [new RegExp(String.raw`^([^$]*)\$\s*${AMOUNT}([^$]*)$`), '$1$2\\text{ usd}$3', ['$']],
];

/** The rule needs a character outside ASCII. */
const OUTSIDE_ASCII: readonly string[] = [];
const ASCII = /^[\t\n\r -~]*$/;

/** Applied in order: later rules rely on earlier ones. `⁀` marks a separator that groups digits. */
const RULES: readonly Rule[] = [
  // Statements about the names in the answer.
  [/[\s,;]*(?:\\text\s*\{\s*,?\s*|(?<=[,\s]))(?:for (?:all|any|every)|where)\b[\s\S]*$/, '', ['for ', 'where']],
  [/[\s,;]*\\forall(?![a-zA-Z])[\s\S]*$/, '', ['\\forall']],
  [/(?:[\s,;]|\\[ ,;])*\(\s*([a-z])\s*\\in\s*(\\mathbb\s*\{?[A-Z]\}?)\s*\)\s*$/, ', $1\\in $2', ['\\in']],
  // Decoration.
  [
    new RegExp(String.raw`\\(?:color|phantom|hphantom|vphantom|tag|label|[hv]space)\*?\s*${BRACED}`, 'g'),
    ' ',
    ['color', 'phantom', '\\tag', '\\label', 'space'],
  ],
  [new RegExp(String.raw`\\textcolor\s*\{[^{}]*\}\s*${BRACED}`, 'g'), '{$1}', ['\\textcolor']],
  [new RegExp(String.raw`\\(?:underline|underbar)\s*${BRACED}`, 'g'), '{$1}', ['\\under']],
  [
    new RegExp(String.raw`(?:\\(?:checkmark|blacksquare|square|qed|qedsymbol|Box|ldotp)${NAME_ENDS}|[∎□■✓✔])\s*`, 'g'),
    ' ',
    ['\\check', 'square', '\\qed', '\\Box', '\\ldotp', ...'∎□■✓✔'],
  ],
  [/\\middle(?![a-zA-Z])/g, '', ['\\middle']],
  [/\\newline(?![a-zA-Z])/g, '\\\\', ['\\newline']],
  [/(?:\\\\\s*)+$|\\$/, '', ['\\']],
  // Letters and signs outside ASCII.
  [/\\surd(?![a-zA-Z])/g, '\\sqrt', ['\\surd']],
  [/[−–—﹣]/g, '-', OUTSIDE_ASCII],
  [/[×⋅·∙]/g, '*', OUTSIDE_ASCII],
  [/÷/g, '/', OUTSIDE_ASCII],
  [/→/g, '\\to ', OUTSIDE_ASCII],
  [
    /[½⅓¼⅕⅙⅐⅛⅑⅒⅔¾⅖⅗⅘⅚⅜⅝⅞]/g,
    (found) => found.normalize('NFKC').replace(/^(\d+)⁄(\d+)$/, ' \\frac{$1}{$2}'),
    OUTSIDE_ASCII,
  ],
  [new RegExp(`⁻?[${SUPERSCRIPTS}]+`, 'g'), (found) => `^{${digits(found, SUPERSCRIPTS)}}`, OUTSIDE_ASCII],
  [new RegExp(`[${SUBSCRIPTS}]+`, 'g'), (found) => `_{${digits(found, SUBSCRIPTS)}}`, OUTSIDE_ASCII],
  [/[ℝℚℤℕℂ]/g, (found) => `\\set${found.normalize('NFKC')} `, OUTSIDE_ASCII],
  // Numbers.
  [
    BASE,
    (_, digits = '', base, named) => `${digits}_{${baseOf(base ?? named ?? '')}}`,
    ['base', 'Base', 'BASE', 'binary', 'octal', '\\text'],
  ],
  [/(?<![\w\\^]\s?)(\d+)\{(\d+)\}(?![\^_{])/g, '$1$2', ['{']],
  [/^\s*\{(\d+)\}\{(\d+)\}\s*$/, '$1$2', ['}{']],
  [/\b0b([01]+)\b/g, '$1_{2}', ['0b']],
  [/∛\s*/g, '\\sqrt[3]', ['∛']],
  [/∜\s*/g, '\\sqrt[4]', ['∜']],
  [/(?<=\d)\{\s*\}(?=\d)/g, '', ['{}', '{ ']],
  [
    /(?<![\d.,'])\d{1,3}(?:'\d{3})+(?!\d)|(?<![\w.])\d{1,3}(?:_\d{3}){2,}(?!\w)/g,
    (found) => found.replace(/['_]/g, ''),
    ["'", '_'],
  ],
  [
    /(?<![\d.,])\d{1,3}(?:(?:\\[ ;:,]\s*|\{[ ,]\})\d{3})+(?!\d|\\[ ;:,]\s*\d|\{[ ,]\}\d)/g,
    (found) => found.replace(/\D/g, ''),
    ['\\ ', '\\;', '\\:', '\\,', '{ }', '{,}'],
  ],
  [/(?<![\d.,])\d{1,3}(?: \d{3})+,\d+(?![\d,])/g, (found) => found.replaceAll(' ', '').replace(',', '.'), [' ']],
  [/(?<![\w\\])(\d+)C(\d+)(?!\w)/g, '\\binom{$1}{$2}', ['C']],
  [/(?<![\w\\])C\s*\^\s*\{?(\d+)\}?\s*_\s*\{?(\d+)\}?/g, 'C_{$2}^{$1}', ['C']],
  [/(\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))/g, '$1*', ['x', 'X']],
  [/\{([,.])\}/g, '$1⁀', ['{,}', '{.}']],
  [/\{:\}/g, ':', ['{:']],
  [/,?\\!\s*,?/g, (found) => (found.includes(',') ? ',⁀' : ''), ['\\!']],
  [/(\d)\\,(?=\d{3}(?!\d))/g, '$1', ['\\,']],
  [/(\.\d{0,9}?)(\d{2,12}?)\2+\s*(?:\.{3}|\\[lc]?dots[cb]?)(?![a-zA-Z])/g, '$1($2)', ['..', 'dots']],
  [/(\.\d{0,9}?)(\d)\2\2+\s*(?:\.{3}|\\[lc]?dots[cb]?)(?![a-zA-Z])/g, '$1($2)', ['..', 'dots']],
  // Brackets.
  [/\\([lr])brace(?![a-zA-Z])/g, (_, side) => (side === 'l' ? '\\{' : '\\}'), ['brace']],
  [
    /\\([lr])(brack|paren)(?![a-zA-Z])/g,
    (_, side = '', kind) => (kind === 'brack' ? '[]' : '()')['lr'.indexOf(side)] ?? '',
    ['brack', 'paren'],
  ],
  [
    /\\left\s*\\\{\s*\\begin\s*\{([a-z]+)\}([\s\S]*?)\\end\s*\{\1\}\s*\\right\s*\./g,
    '\\begin{cases}$2\\end{cases}',
    ['\\begin'],
  ],
  [/\\(?:left|right)\s*\./g, '', ['\\left', '\\right']],
  [/\\left\s*\||\\lvert(?![a-zA-Z])/g, '\\lvert ', ['\\left', '\\lvert']],
  [/\\right\s*\||\\rvert(?![a-zA-Z])/g, '\\rvert ', ['\\right', '\\rvert']],
  [/\\([lr])Vert(?![a-zA-Z])/g, '\\|', ['Vert']],
  [/\\(?:left|right)\s*\\\|/g, '\\|', ['\\left', '\\right']],
  [/\\(?:left|right)(?![a-zA-Z])\s*/g, '', ['\\left', '\\right']],
  [/\\(?:big|Big|bigg|Bigg)[lr]?(?![a-zA-Z])\s*/g, '', ['\\big', '\\Big']],
  // Intervals with outward brackets: ]0,1[ is (0,1).
  [
    /([[\]])((?:[^[\](),;]|\([^()]*\))+[,;](?:[^[\](),;]|\([^()]*\))+)([[\]])/g,
    (found, open = '', inside = '', close = '') =>
      open === '[' && close === ']' ? found : `${open === '[' ? '[' : '('}${inside}${close === ']' ? ']' : ')'}`,
    ['[', ']'],
  ],
  // Degrees, primes, and other notations for functions and relations.
  [
    /\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])|(?<=\d)\^\{?o\}?(?![a-zA-Z])/g,
    '°',
    ['^', '\\degree'],
  ],
  [/°\s*([CF])(?![a-zA-Z])/g, '°\\text{ $1}', ['°']],
  [
    /\^\s*\{?((?:\s*\\prime(?![a-zA-Z]))+)\s*\}?/g,
    (_, primes = '') => "'".repeat(primes.split('prime').length - 1),
    ['\\prime'],
  ],
  [/\\genfrac\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\{[^{}]*\}/g, '\\frac', ['\\genfrac']],
  [
    /(?:\{\s*\}\s*|(?<![\w})\]]\s{0,3}))[_^]\s*\{?([a-zA-Z\d]+)\}?\s*C\s*_\s*\{?([a-zA-Z\d]+)\}?/g,
    '\\binom{$1}{$2}',
    ['C'],
  ],
  [/\\cr(?![a-zA-Z])/g, '\\\\', ['\\cr']],
  [/\((\d+)\)(?=_)/g, '$1', [')_']],
  [
    /\(\s*(?:\\(?:text|mathrm|operatorname)\s*\{\s*mod\s*\}|\\b?mod|mod)(?![a-zA-Z])\s*([^()]+)\)/g,
    '\\pmod{$1}',
    ['mod'],
  ],
  [
    /:=|\\(?:coloneqq|triangleq|stackrel\{[^{}]*\}\{=\})(?![a-zA-Z])/g,
    '=',
    [':=', '\\coloneqq', '\\triangleq', '\\stackrel'],
  ],
  [/^\s*(?:\\(?:therefore|implies|iff|to|(?:R|Longr|r|leftr|Leftr)ightarrow)(?![a-zA-Z])|[-=]>)/, ''],
  [/\.{3,}|…|\\(?:[cl]?dots[cbmoi]?|hellip)(?![a-zA-Z])/g, '\\ldots ', ['…', '...', 'dots', '\\hellip']],
  // Units.
  ...CURRENCIES,
  [/\b([ap])\.\s?m\b\.?/gi, '$1m', ['m']],
  [/\\%/g, '%', ['\\%']],
  [/^([^a-zA-Z\\]*\d)\s+([mgshlLNJWVKA])(\^?[23²³])?[\s.]*$/, '$1\\text{$2}$3'],
  [
    /(\d) ?([cdk]?m(?=\^\{[23]\})|(?<= )(?:[cdk]?m|mi|ft)\/(?:s|h|min)(?=\^\{2\}|\^2|(?![\w^])))(?!\w)/g,
    '$1\\text{$2}',
    ['m', 'ft/'],
  ],
  [/(\d|\})(?:\s|~|\\[,;: ])*\\mathrm\s*\{(?!\s*[ei]\s*\})/g, '$1\\text{', ['\\mathrm']],
  [
    /\\frac\s*\{\s*\\(?:text|mathrm)\s*\{([^{}]*)\}\s*\}\s*\{\s*\\(?:text|mathrm)\s*\{([^{}]*)\}\s*\}/g,
    '\\text{$1/$2}',
    ['\\frac'],
  ],
  [/(\\text\s*\{[~\s]*[a-zA-Z]+)\}\s*\/\s*\\(?:text|mathrm)\s*\{[~\s]*([a-zA-Z]+\})/g, '$1/$2', ['/']],
  // Fonts of names, and named sets.
  [
    /\\(?:operatorname|mathrm|mathbf|mathit|mathsf|boldsymbol|bm)\s*\*?\s*\{\s*([a-zA-Z]+)\s*\}/g,
    ' $1 ',
    ['\\operatorname', '\\math', '\\boldsymbol', '\\bm'],
  ],
  [/\\(?:mathbb|Bbb)\s*\{?\s*([A-Z])\s*\}?/g, '\\set$1 ', ['\\mathbb', '\\Bbb']],
  [/\\([RQZNC])(?![a-zA-Z])/g, '\\set$1 ', ['\\']],
  [
    /(\\set[A-Z] )\s*(?:\^\s*\{?\s*([+*-])\s*\}?|_\s*\{\s*([<>])\s*0\s*\})/g,
    (_, set = '', sign = '', order = '') => `${set.trim()}${SUBSETS.get(sign || order) ?? ''} `,
    ['\\set'],
  ],
  [/\\\$|\$|(?<!\\)\\[()[\]]/g, ' '],
];

/** Whether every backslash is doubled, as in a text that was escaped twice. */
const DOUBLED = /\\\\(?:left|right|d?frac|boxed|begin|sqrt|text|pi|leq?|geq?|cup|infty)(?![a-zA-Z])/;

/** Digits and signs alone need no normalization. */
const PLAIN = /^(?:[\d\s,+\-*/()=]|\.(?!\.))*$/;

/** Normalizes different spellings of the same mathematics and drops what has no meaning. */
export function clean(source: string): string {
  if (PLAIN.test(source) && !/\d \d{3},\d/.test(source)) return source;
  const doubled = source.includes('\\\\') && DOUBLED.test(source) && !/(?<!\\)\\begin\{/.test(source);
  let text = doubled ? source.replaceAll('\\\\', '\\') : source;
  const ascii = ASCII.test(text);
  for (const [pattern, replacement, needs] of RULES) {
    const applies = needs === OUTSIDE_ASCII ? !ascii : !needs || needs.some((part) => text.includes(part));
    if (applies) text = text.replace(pattern, replacement as string);
  }
  return text;
}
