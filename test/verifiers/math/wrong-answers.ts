/** A reference and a wrong answer whose words or signs are near to the right one. */
export interface WrongAnswer {
  readonly kind: string;
  readonly gold: string;
  readonly answer: string;
}

type Random = (below: number) => number;

/** @returns a source of whole numbers below a bound, the same for the same seed */
function random(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const lines = (text: string): readonly string[] => text.trim().split(/\s*\n\s*/);

/** Before the right value. */
const PREFIXES = lines(`
  at least
  at most
  more than
  less than
  fewer than
  greater than
  larger than
  smaller than
  no more than
  no less than
  not more than
  not less than
  greater than or equal to
  less than or equal to
  up to
  over
  under
  above
  below
  about
  approximately
  roughly
  around
  nearly
  almost
  close to
  not
  never
  definitely not
  not equal to
  anything but
  other than
  different from
  far from
  unequal to
  twice
  thrice
  double
  half of
  the square root of
  the square of
  the cube of
  the reciprocal of
  the negative of
  the opposite of
  the factorial of
  one more than
  one less than
  two times
  maybe
  perhaps
  possibly
  probably
  presumably
  either 900001 or
  900001 or
  900001 or maybe
  900001, alternatively
  between 900001 and
  from 900001 to
  900001 to
  900001 and
  900001 plus
  900001 minus
  900001 times
  900001 divided by
`);

/** After the right value. */
const SUFFIXES = lines(`
  or more
  or less
  or fewer
  or greater
  or higher
  and above
  and up
  at least
  at most
  or so
  or thereabouts
  more or less
  give or take
  approximately
  plus or minus 1
  plus one
  minus one
  plus 1
  times 2
  times three
  squared
  cubed
  factorial
  thousand
  million
  hundred
  dozen
  percent
  pairs
  or 900001
  or maybe 900001
  or possibly 900001
  (or 900001)
  / 900001
  to 900001
  and 900001
  is wrong
  is incorrect
  is not the answer
  is not right
  is too large
  is too small
  cannot be right
  isn't it
  is ruled out
  would be wrong
  more than that
  less than that
  and a half
  ?
`);

/** Around a phrase. */
const FRAMES = lines(`
  The answer is #.
  The final answer is #.
  Answer: #
  The answer is **#**.
  #### #
  So the answer is #.
  Final Answer: #
  We get #.
  It is #.
  **Answer:** #
  Therefore, x is #.
  > The answer is #.
  The answer is: #
`);

/** Around the right value, which is `#`, so that it is not the answer; `@` is another value. */
const STORIES = lines(String.raw`
  It is false that the answer is #.
  It is not true that the answer is #.
  It is not the case that the answer is #.
  It is wrong to say that the answer is #.
  It is impossible that the answer is #.
  It is unlikely that the answer is #.
  I do not think that the answer is #.
  I don't believe the answer is #.
  I doubt that the answer is #.
  The wrong answer is #.
  The answer would be # if it were easy, but the answer is @.
  Is the answer #? No.
  Is it #? No, it is @.
  Could the answer be #?
  The answer is #? No.
  The answer is #. No, that is wrong.
  The answer is #. That is incorrect.
  The answer is #. Wait, no. The answer is @.
  \boxed{#} is wrong.
  \boxed{#} is not the answer.
  It is not \boxed{#}.
  The answer is not \boxed{#}.
  It cannot be \boxed{#}.
  Not \boxed{#}, \boxed{@}.
  \boxed{#} or \boxed{@}
  \boxed{@} or \boxed{#}
  \boxed{@}, \boxed{#}
  \boxed{#} and \boxed{@}
  \boxed{@} \boxed{#}
  \boxed{@}% \boxed{#}
  \boxed{#} ⏎ \boxed{@}
  at least \boxed{#}
  at most \boxed{#}
  about \boxed{#}
  maybe \boxed{#}
  x > \boxed{#}
  $x \ge \boxed{#}$
  $x \ne \boxed{#}$
  $2 \cdot \boxed{#}$
  $1 + \boxed{#}$
  $\boxed{#} + 1$
  $\boxed{#}^2$
  $\sqrt{\boxed{#}}$
  $-\boxed{#}$
  \boxed{> #}
  \boxed{\ge #}
  \boxed{< #}
  \boxed{\le #}
  \boxed{\ne #}
  \boxed{\neq #}
  \boxed{\not= #}
  \boxed{\approx #}
  \boxed{\sim #}
  \boxed{\subset #}
  \boxed{\in #}
  \boxed{\notin #}
  \boxed{#?}
  \boxed{# + 1}
  \boxed{-(#)}
  \boxed{2 \cdot (#)}
  \boxed{(#)^2}
  \boxed{\sqrt{#}}
  \boxed{#, @}
  \boxed{@, #}
  \boxed{# \text{ or } @}
  \boxed{@ \text{ or } #}
  \boxed{# \text{ (or } @ \text{)}}
  \boxed{\{#, @\}}
  \boxed{(#, @)}
  \boxed{[#, @]}
  \boxed{@ \to #}
  \boxed{\text{not } #}
  \boxed{\text{at least } #}
  \boxed{\text{about } #}
  \boxed{\text{twice } #}
  \boxed{# \text{ or more}}
  \boxed{# \text{ thousand}}
  \boxed{# \text{ plus one}}
  \boxed{# \text{ factorial}}
  \boxed{# \text{ dozen}}
  \boxed{# \text{ squared}}
  \boxed{# \text{ maybe}}
  ≠ #
  ≥ #
  ≤ #
  > #
  < #
  <think>\boxed{#}</think>
  <think>The answer is #.</think>The answer is @.
  <think>\boxed{#}</think>\boxed{@}
  <think>The answer is #.
  ~~#~~
  ~~#~~ @
  The answer is ~~#~~.
  <del>#</del> The answer is @.
  The answer is @, not #.
  The answer is @ (not #).
  The answer is @, which is close to #.
  The answer is @, which is more than #.
  The answer is @ because # is too small.
  The answer is @ since it is not #.
  The answer is @ rather than #.
  The answer is @ instead of #.
  The answer is @. It is close to #.
  The answer is @, although # is near.
  The answer is @, # being too small.
  First I thought of #, but the answer is @.
  We know # is given. The answer is @.
  The question mentions #. \boxed{@}
  \boxed{@}, although # is close
  \boxed{@}. The answer is not #.
  # is not the answer. The answer is @.
  # is wrong; the answer is @.
  We reject #.
  We rule out #.
  We exclude #.
  We discard #.
  # is ruled out.
  # fails.
  # does not work.
  # is wrong.
  # is not the answer.
  Suppose x = #.
  If x = #
  Let us assume x = #.
  The answer is neither @ nor #.
  The answer is either @ or #.
  The answer lies between @ and #.
  The answer is @. Alternatively, the answer is #.
  The answer is @. Or maybe the answer is #.
  Perhaps the answer is #.
  The answer might be #.
  The answer could be #.
  The answer may be #.
  The answer is probably #.
  I guess #.
  My guess is #.
  Answer: #, @
  Answer: @, #
  Answer: @ / #
  Answer: @; #
  Answer: @ or #
  Answer: # or @
  Answer: @-#
  Answer: @:#
  Answer: # @
`);

interface Value {
  readonly gold: string;
  readonly other: string;
}

const integer = (r: Random): Value => {
  const n = 2 + r(997);
  // So large that no calculation with both gives the right value.
  return { gold: String(n), other: String(5 * n * n + 7 + r(50)) };
};
const fraction = (r: Random): Value => {
  const d = 3 + 2 * r(20);
  return { gold: `\\frac{${d + 2}}{${d}}`, other: `\\frac{${d + 4}}{${d}}` };
};
const slash = (r: Random): Value => {
  const d = 3 + 2 * r(20);
  return { gold: `${d + 2}/${d}`, other: `${d + 4}/${d}` };
};
const decimal = (r: Random): Value => {
  const n = 11 + 10 * r(90);
  return { gold: `${n / 10}`, other: `${(n + 3) / 10}` };
};
const root = (r: Random): Value => {
  const n = [2, 3, 5, 6, 7, 10, 11][r(7)] ?? 2;
  return { gold: `${2 + r(9)}\\sqrt{${n}}`, other: `${60 + r(9)}\\sqrt{${n}}` };
};
const VALUES = [integer, integer, integer, fraction, slash, decimal, root];

const UNITS = lines(`
  hours minutes days weeks seconds
  meters centimeters kilometers feet inches miles
  kg g mg pounds ounces
  dollars cents euros pounds yen
  liters milliliters gallons
  square meters|square feet|cubic meters|meters
  km/h|m/s|mph
  degrees Celsius|degrees Fahrenheit|kelvin
  apples oranges people dogs
  J kJ mJ W
  V mV kV A
  Hz kHz MHz
  £ $ €
`).map((group) => (group.includes('|') ? group.split('|') : group.split(' ')));

function unit(r: Random): WrongAnswer {
  const group = UNITS[r(UNITS.length)] ?? [];
  const [a, b] = [r(group.length), r(group.length - 1)];
  const [right = '', wrong = ''] = [group[a], group[b >= a ? b + 1 : b]];
  const n = 2 + r(90);
  const sign = /[£$€]/.test(right);
  const text = (name: string): string => (sign ? `${name === '$' ? '\\$' : name}${n}` : `${n} ${name}`);
  const boxed = (name: string): string => (sign ? text(name) : `${n}\\text{ ${name}}`);
  const answers = [
    text(wrong),
    `The answer is ${text(wrong)}.`,
    `\\boxed{${boxed(wrong)}}`,
    `So it takes ${text(wrong)}.`,
    `\\boxed{${n}} ${sign ? '' : wrong}`,
  ];
  const at = sign ? r(4) : r(5);
  return { kind: 'unit', gold: r(2) ? text(right) : boxed(right), answer: answers[at] ?? '' };
}

const pad = (n: number): string => String(n).padStart(2, '0');

/** References of special forms and answers that differ from them. */
function special(r: Random): WrongAnswer {
  const [n, m, k] = [2 + r(40), 50 + r(40), 100 + r(40)];
  const [hour, minute] = [1 + r(11), 10 + r(49)];
  const pairs: readonly (readonly [string, string, string])[] = [
    ['percent', `${n}`, `${n}\\%`],
    ['percent', `0.${n}`, `0.${n}%`],
    ['percent', `${n}\\%`, `0.${pad(n)}\\%`],
    ['percent', `${n}\\%`, `${n}00`],
    ['grouping', `1${pad(n)}${n % 10}`, `1.${pad(n)}${n % 10}`],
    ['grouping', `1.${pad(n)}${n % 10}`, `1,${pad(n)}${n % 10}`],
    ['grouping', `${n} ${m}`, `${n}${m}`],
    ['multiplicity', `${n},${n},${m}`, `${n},${m}`],
    ['multiplicity', `${n},${m}`, `${n},${m},${m}`],
    ['multiplicity', `\\{${n},${n},${m}\\}`, `\\{${n},${m}\\}`],
    ['nesting', `\\{${n},\\{${m}\\}\\}`, `\\{${n},${m}\\}`],
    ['nesting', `\\{\\{${n},${m}\\}\\}`, `\\{${n},${m}\\}`],
    ['nesting', `\\{(${n},${m})\\}`, `\\{${n},${m}\\}`],
    ['nesting', `\\{\\{${n}\\},\\{${m}\\}\\}`, `\\{${n},${m}\\}`],
    ['tuple', `(${n},${m},${k})`, `(${m},${n},${k})`],
    ['tuple', `(${n},${m})`, `\\{${n},${m}\\}`],
    ['tuple', `(${n},${m})`, `[${n},${m}]`],
    ['list', `${n}, ${m}`, `${n} or ${m} or ${k}`],
    ['list', `${n}, ${m}`, `${n} to ${m}`],
    ['list', `${n}, ${m}`, `between ${n} and ${m}`],
    ['list', `${n}, ${m}, ${k}`, `${n}, \\ldots, ${k}`],
    ['list', `${n}, ${n + 1}, \\ldots, ${m}`, `${n}, ${n + 1}, \\ldots, ${k}`],
    ['interval', `(${n},${m}]`, `[${n},${m}]`],
    ['interval', `(${n},${m}]`, `(${n},${m})`],
    ['interval', `[${n},${m}]`, `${n}, ${m}`],
    ['relation', `x > ${n}`, `x \\ge ${n}`],
    ['relation', `x > ${n}`, `x < ${n}`],
    ['relation', `x > ${n}`, `${n}`],
    ['relation', `x = ${n}`, `x > ${n}`],
    ['relation', `x = ${n}`, `x \\ne ${n}`],
    ['relation', `x = ${n}`, `x \\in ${n}`],
    ['relation', `x \\ne ${n}`, `x = ${n}`],
    ['relation', `x \\ge ${n}`, `> ${n}`],
    ['relation', `\\ge ${n}`, `\\le ${n}`],
    ['sign', `\\pm ${n}`, `${n}`],
    ['sign', `${n}`, `\\pm ${n}`],
    ['sign', `${n}`, `-${n}`],
    ['conjugate', `${n}+${m}i`, `${n}-${m}i`],
    ['conjugate', `${n}+${m}i`, `${n}\\pm ${m}i`],
    ['date', `2024-0${1 + (n % 9)}-1${n % 7}`, `${2024 - 1 - (n % 9) - 10 - (n % 7)}`],
    ['date', `2024-01-${pad(1 + (n % 20))}`, `2024-01-${pad(2 + (n % 20))}`],
    ['date', `July ${1 + (n % 20)}`, `${1 + (n % 20)} August`],
    ['date', `${2000 - 3 - (n % 9)}`, `2000-03-0${1 + (n % 9)}`],
    ['time', `${hour}:${pad(minute)} PM`, `${hour}:${pad(minute)} AM`],
    ['time', `${hour + 12}:${pad(minute)}`, `${hour}:${pad(minute)} AM`],
    ['time', `4:0${2 * (1 + (n % 4))}`, `2:0${1 + (n % 4)}`],
    ['time', `${hour}:${pad(minute)}`, `${hour}:${pad(minute + 1)}`],
    ['telephone', `555-1${m}0`, `${555 - (1000 + 10 * m)}`],
    ['telephone', `555-1${m}0`, `555-1${m}1`],
    ['tiny', `e^{-${800 + n}}`, `e^{-${801 + n}}`],
    ['tiny', '0', `e^{-${800 + n}}`],
    ['tiny', '0', `10^{-${400 + n}}`],
    ['tiny', `\\sqrt{${n * n + 1}}`, `\\sqrt{${n * n + 1}}+10^{-2${n % 10}}`],
    ['large angle', `\\sin(10^{2${n % 10}})`, `\\sin(10^{2${n % 10}}+1)`],
    ['base', `${n.toString(2)}_2`, `${n.toString(2)} base 3`],
    ['base', `${n.toString(2)}`, `${n.toString(2)} base 2`],
    ['constant', `\\frac{x^2}{2}+C`, `\\frac{x^2}{2}+${n}`],
    ['constant', `\\frac{x^2}{2}+C`, `\\frac{x^2}{2}+${n}x+C`],
    ['system', `x=${n},y=${m}`, `x+y=${n + m},2x+2y=${2 * (n + m)}`],
    ['system', `x=${n},y=${m}`, `x+y=${n + m},x-y=${m - n}`],
    ['quantities', `${n}`, `${n}\\text{ boys }${m}\\text{ girls}`],
    ['quantities', `${n + m}`, `${n}\\text{ boys }${m}\\text{ girls}`],
    ['quantities', `${n}\\text{ boys }${m}\\text{ girls}`, `${m}\\text{ boys }${n}\\text{ girls}`],
    ['choice', 'B', '(B) or (C)'],
    ['choice', 'B', 'A or B'],
    ['choice', 'B', '(A), (B)'],
    ['choice', 'B', 'The answer is (B) or maybe (C).'],
    ['choice', 'B', 'not B'],
    ['choice', `\\text{(B)}\\ ${n}`, `\\text{(B)}\\ ${m}`],
  ];
  const [kind, gold, answer] = pairs[r(pairs.length)] ?? ['', '', ''];
  const framed = r(2) === 0 && !/[A-Za-z]{3}|think/.test(answer) ? `\\boxed{${answer}}` : answer;
  return { kind, gold, answer: framed };
}

const filled = (template: string, gold: string, other: string): string =>
  template
    .replaceAll('#', () => gold)
    .replaceAll('@', () => other)
    .replaceAll(' ⏎ ', '\n');

function worded(r: Random): WrongAnswer {
  const { gold, other } = (VALUES[r(VALUES.length)] ?? integer)(r);
  const shown = /\\/.test(gold) && r(2) ? `$${gold}$` : gold;
  const kind = r(3);
  if (kind === 0) return { kind: 'story', gold, answer: filled(STORIES[r(STORIES.length)] ?? '', gold, other) };
  // `####` marks an answer, so that frames are filled from their last sign.
  const frame = FRAMES[r(FRAMES.length)] ?? '';
  const into = (said: string): string => frame.replace(/#(?!.*#)/, () => said);
  if (kind === 1)
    return {
      kind: 'prefix',
      gold,
      answer: into(`${(PREFIXES[r(PREFIXES.length)] ?? '').replace('900001', other)} ${shown}`),
    };
  const suffix = (SUFFIXES[r(SUFFIXES.length)] ?? '').replace('900001', other);
  return { kind: 'suffix', gold, answer: into(`${shown} ${suffix}`) };
}

/** Wrong answers of every kind, the same for the same seed. */
export function wrongAnswers(count: number, seed: number): readonly WrongAnswer[] {
  const r = random(seed);
  for (let k = 0; k < 10; k++) r(2);
  return Array.from({ length: count }, () => {
    const kind = r(10);
    return kind < 6 ? worded(r) : kind < 7 ? unit(r) : special(r);
  });
}

/** The right value `#` as something else than the answer, and several answers of which it is the last. */
const LENIENT: Readonly<Record<'mentioned' | 'last of several', readonly string[]>> = {
  mentioned: lines(`
    I looked at this for # minutes and found nothing.
    See equation #.
    This is exercise # of the book.
    The question has # words.
    I could not solve it. My lucky number is #.
    Step 1: read page #.
    Each of them has # friends, I suppose.
    The first line mentions # apples.
    There are @ of them in all, after we add the other #.
    We begin with #.
  `),
  'last of several': lines(`
    The answer is @. The answer is #.
    Answer: @ ⏎ Answer: #
    It is @. ⏎ It is #.
    #### @ ⏎ #### #
    So x = @. So x = #.
  `),
};

/** Wrong answers of the documented classes that a lenient form accepts. */
export function lenientAnswers(kind: keyof typeof LENIENT, count: number, seed: number): readonly WrongAnswer[] {
  const r = random(seed);
  const templates = LENIENT[kind];
  return Array.from({ length: count }, () => {
    const { gold, other } = integer(r);
    return { kind, gold, answer: filled(templates[r(templates.length)] ?? '', gold, other) };
  });
}
