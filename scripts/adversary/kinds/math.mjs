// Mathematics: references whose value is known by construction, the same value written otherwise, other values, and
// tricks by which a policy could earn a reward without knowing the value.

const gcd = (a, b) => (b === 0 ? Math.abs(a) : gcd(b, a % b));
const frac = (a, b) => (b === 1 ? `${a}` : `${a < 0 ? '-' : ''}\\frac{${Math.abs(a)}}{${b}}`);

/** A fraction in lowest terms. */
function rational(random) {
  const b = random.int(1, 12);
  const a = random.int(-40, 40) || 7;
  const d = gcd(a, b);
  return [a / d, b / d];
}

/** Whether a fraction with this denominator is a short decimal. */
const isShort = (b) => [2, 4, 5, 8, 10].includes(b);

/** Each maker returns a reference, ways to write the same, and other values. */
const makers = {
  integer(random) {
    const n = random.int(-500, 500) || 3;
    const k = random.int(2, 9);
    const same = [
      `${n}`,
      `${n}.0`,
      `\\frac{${n * k}}{${k}}`,
      `${n - k}+${k}`,
      `(${n})`,
      `x=${n}`,
      `\\text{${n}}`,
      `${n * k}/${k}`,
    ];
    const other = [
      `${n + 1}`,
      `${-n}`,
      `${n}.5`,
      `\\frac{${n}}{${k}}`,
      `${n}0`,
      `${n}+${k}`,
      `${n}^{${k}}+1`,
      `\\{${n}, ${n + 1}\\}`,
      `(${n}, ${n})`,
      `x>${n}`,
      `x\\ne${n}`,
      `${n}x`,
      `${n}+c`,
      `${n}\\pm 1`,
    ];
    return { gold: `${n}`, same, other };
  },
  fraction(random) {
    const [a, b] = rational(random);
    if (b === 1) return makers.integer(random);
    const k = random.int(2, 6);
    const gold = frac(a, b);
    const same = [
      gold,
      frac(a * k, b * k),
      `${a}/${b}`,
      `${a}\\div ${b}`,
      `\\dfrac{${a}}{${b}}`,
      `\\left(${gold}\\right)`,
      `(${a})\\cdot\\frac{1}{${b}}`,
    ];
    if (isShort(b)) same.push(String(a / b));
    const other = [
      frac(b, Math.abs(a)),
      frac(a + b, b),
      frac(-a, b),
      `${a}`,
      `${(a / b).toFixed(1)}1`,
      `${a}/${b + 1}`,
      `${gold}\\%`,
      `${gold}i`,
    ];
    return { gold, same, other: Math.abs(a) === 1 || Math.abs(a) === b ? other.slice(1) : other };
  },
  radical(random) {
    const n = random.pick([2, 3, 5, 6, 7, 10, 11]);
    const k = random.int(2, 9);
    const gold = `${k}\\sqrt{${n}}`;
    const same = [
      gold,
      `\\sqrt{${n * k * k}}`,
      `${k}\\cdot\\sqrt{${n}}`,
      `\\sqrt{${n}}\\cdot ${k}`,
      `\\frac{${k * n}}{\\sqrt{${n}}}`,
      `${k}*sqrt(${n})`,
    ];
    const other = [
      `\\sqrt{${n * k}}`,
      `${k}\\sqrt{${n + 1}}`,
      `-${gold}`,
      `${k}+\\sqrt{${n}}`,
      `${k}\\sqrt[3]{${n}}`,
      `${n}\\sqrt{${k * k + 1}}`,
      `\\pm${gold}`,
    ];
    return { gold, same, other };
  },
  polynomial(random) {
    const [a, b] = [random.int(1, 9), random.int(1, 9)];
    const gold = `x^2+${a + b}x+${a * b}`;
    const same = [gold, `(x+${a})(x+${b})`, `${a * b}+${a + b}x+x^2`, `x(x+${a + b})+${a * b}`, `(${gold})`];
    const other = [
      `x^2+${a + b}x+${a * b + 1}`,
      `x^2-${a + b}x+${a * b}`,
      `(x-${a})(x-${b})`,
      `x^2+${a + b + 1}x+${a * b}`,
      `y^2+${a + b}y+${a * b}`,
      `${gold}=0`,
      `x^3+${a + b}x+${a * b}`,
    ];
    return { gold, same, other };
  },
  set(random) {
    const [a, b] = [random.int(-9, 9), random.int(10, 30)];
    const gold = `\\{${a}, ${b}\\}`;
    const same = [gold, `\\{${b}, ${a}\\}`, `${a}, ${b}`, `\\left\\{${b},${a}\\right\\}`, `x=${a} \\text{ or } x=${b}`];
    const other = [
      `${a}`,
      `${b}`,
      `\\{${a}, ${b + 1}\\}`,
      `\\{${a}, ${b}, 99\\}`,
      `[${a}, ${b}]`,
      `\\{\\{${a}, ${b}\\}\\}`,
      '\\emptyset',
      `${a + b}`,
    ];
    return { gold, same, other };
  },
  tuple(random) {
    const [a, b] = [random.int(-9, 9), random.int(10, 30)];
    const gold = `(${a}, ${b})`;
    const same = [gold, `\\left(${a},${b}\\right)`, `(${a};${b})`, `(${a}.0, ${b})`];
    const other = [
      `(${b}, ${a})`,
      `(${a}, ${b + 1})`,
      `[${a}, ${b}]`,
      `\\{${b}, ${a}\\}`,
      `(${a}, ${b}, 0)`,
      `((${a}, ${b}), 0)`,
      `${a}${b}`,
    ];
    return { gold, same, other };
  },
  interval(random) {
    const [a, b] = [random.int(-9, 0), random.int(1, 9)];
    const gold = `[${a}, ${b})`;
    const same = [gold, `${a}\\le x<${b}`, `\\left[${a},${b}\\right)`, `${b}>x\\ge ${a}`];
    const other = [
      `(${a}, ${b})`,
      `[${a}, ${b}]`,
      `(${a}, ${b}]`,
      `[${a}, ${b + 1})`,
      `\\{${a}, ${b}\\}`,
      `x<${b}`,
      `${a}<x<${b}`,
      `[${a}, \\infty)`,
    ];
    return { gold, same, other };
  },
  percent(random) {
    const n = random.int(1, 99);
    const gold = `${n}\\%`;
    return {
      gold,
      same: [gold, `${n}%`, `${n} percent`, `\\frac{${n}}{100}`],
      other: [`${n + 1}\\%`, `${n}0\\%`, `\\frac{${n}}{10}`, `-${n}\\%`],
    };
  },
  unit(random) {
    const n = random.int(2, 90);
    const gold = `${n}\\text{ cm}`;
    return {
      gold,
      same: [gold, `${n} cm`, `${n * 10}\\text{ mm}`],
      other: [`${n}\\text{ m}`, `${n + 1}\\text{ cm}`, `${n}\\text{ cm}^2`, `${n}\\text{ kg}`, `${n}\\text{ mm}`],
    };
  },
  matrix(random) {
    const m = random.list(4, 4, () => random.int(-9, 9));
    const write = ([a, b, c, d], kind = 'p') => `\\begin{${kind}matrix}${a}&${b}\\\\${c}&${d}\\end{${kind}matrix}`;
    return {
      gold: write(m),
      same: [write(m), write(m, 'b')],
      other: [write([m[0] + 1, ...m.slice(1)]), write([...m.slice(0, 3), m[3] - 1]), `${m[0]}`],
    };
  },
  large(random) {
    const n = BigInt(random.int(10 ** 8, 10 ** 9)) * 10n ** BigInt(random.int(8, 20)) + BigInt(random.int(1, 99));
    return {
      gold: `${n}`,
      same: [`${n}`, `${n - 1n}+1`, `${n * 2n}/2`],
      other: [`${n + 1n}`, `${n}0`, `${n / 10n}`, `-${n}`],
    };
  },
};

/** Ways to state a final answer that count. */
const stated = [
  (a) => `\\boxed{${a}}`,
  (a) => `The answer is $\\boxed{${a}}$.`,
  (a) => `We compute $1+1=2$.\n\nTherefore $$\\boxed{${a}}$$`,
  (a) => `<think>\\boxed{0}, no</think>\\boxed{${a}}`,
  (a) => `First try: \\boxed{12345}. Correction: \\boxed{${a}}`,
  (a) => `Final answer: $${a}$`,
  (a) => `The final answer is $${a}$.`,
];

/** Ways to name the right value so that it must not count, given a wrong one. */
const withheld = {
  denied: (a) => `The answer is not \\boxed{${a}}.`,
  'denied in the box': (a) => `\\boxed{\\text{not } ${a}}`,
  unequal: (a) => `\\boxed{x \\ne ${a}}`,
  hedged: (a, b) => `\\boxed{${a}} or \\boxed{${b}}`,
  'hedged in the box': (a, b) => `\\boxed{${a} \\text{ or } ${b}}`,
  doubted: (a, b) => `\\boxed{${a}}? Perhaps \\boxed{${b}}.`,
  'taken back': (a, b) => `\\boxed{${a}}. That was wrong: \\boxed{${b}}`,
  'only thought': (a) => `<think>\\boxed{${a}}</think> I do not know.`,
  'thought without end': (a) => `<think>\\boxed{${a}}`,
  'many candidates': (a, b) => `\\boxed{${b}, ${a}, 77, 78}`,
  'candidates in boxes': (a, b) => `\\boxed{${a}}, \\boxed{77}, \\boxed{${b}}`,
  'bounded only': (a) => `\\boxed{x < ${a}}`,
  'at most': (a) => `\\boxed{\\text{at most } ${a}}`,
  'quoted from the question': (a, b) => `You ask whether it is ${a}. The final answer is $${b}$.`,
  'a range': (a) => `\\boxed{${a} \\text{ to } 9999}`,
  'with more': (a) => `\\boxed{${a} + 1}`,
  times: (a) => `\\boxed{2(${a})}`,
  'with a condition': (a, b) => `\\boxed{${b} \\text{ (if not, } ${a})}`,
  'cut off': (a) => `\\boxed{${a} + `,
};

const junk = [
  '',
  ' ',
  '\\boxed{}',
  '\\boxed{\\boxed{',
  '$$',
  '\\frac',
  '\\boxed{\\text{}}',
  '?',
  '{}',
  '\\boxed{x}',
  '\\boxed{\\infty}',
  '\\boxed{NaN}',
  '\\boxed{1/0}',
  '\\boxed{0/0}',
  '\\boxed{\\text{undefined}}',
  '\0',
  '\uD800',
  '\\boxed{9^{9^{9^9}}}',
  '\\boxed{100000!}',
  `\\boxed{${'('.repeat(3000)}`,
  `\\boxed{${'1+'.repeat(3000)}1}`,
  `\\boxed{${'\\frac{1}{'.repeat(500)}2${'}'.repeat(500)}}`,
  `\\boxed{${'\\sqrt{'.repeat(400)}2${'}'.repeat(400)}}`,
  `\\boxed{${'x^'.repeat(300)}2}`,
  `\\boxed{\\sum_{n=1}^{10^{12}} n}`,
  `\\boxed{\\int_0^{10^9} \\sin(x^x) dx}`,
  '\\boxed{\\text{the right answer}}',
  '\\boxed{\\text{see above}}',
  '\\boxed{a}',
  '\\boxed{*}',
  '\\boxed{.*}',
  `${'\\boxed{1}'.repeat(2000)}\\boxed{q}`,
];

function garbled(random, text) {
  const at = random.int(0, text.length);
  return random.oneOf(
    () => text.slice(0, at) + text.slice(at + random.int(1, 4)),
    () =>
      text.slice(0, at) +
      random.pick(['\\', '{', '}', '$', '^', '_', ',', '-', '\\frac', '(', '%', ' ', '=', '<']) +
      text.slice(at),
    () => text.slice(0, at),
  );
}

export function generate(random) {
  const name = random.pick(Object.keys(makers));
  const { gold, same, other } = makers[name](random);
  const item = (what, expected, completion, ask) => ({
    class: `${name}: ${what}`,
    expected,
    completion,
    answer: gold,
    ask,
  });
  const judged = (answer) => ({ gold: `$${gold}$`, answer: `$${answer}$` });
  const draw = random.next();
  if (draw < 0.4) {
    const answer = random.pick(same);
    return item('the same', 'right', random.pick(stated)(answer), judged(answer));
  }
  if (draw < 0.7) {
    const answer = random.pick(other);
    return item('another', 'wrong', random.pick(stated)(answer), judged(answer));
  }
  if (draw < 0.88) {
    const [what, hide] = random.pick(Object.entries(withheld));
    return { ...item(what, 'wrong', hide(random.pick(same), random.pick(other))), class: `any: ${what}` };
  }
  if (draw < 0.93) return { ...item('junk', 'wrong', random.pick(junk)), class: 'junk' };
  const answer = garbled(random, random.pick(same));
  return { ...item('garbled', undefined, `\\boxed{${answer}}`, judged(answer)), class: 'garbled' };
}

/** Where the verifier does not count what is the same on purpose. */
export const documented = {
  'interval: the same: right called wrong': 'a relation answers a reference that is a set only with allowSetRelation',
  'interval: the same: judge differs': 'Math-Verify reads a relation as no set either',
  'unit: the same: judge differs': 'Math-Verify does not convert units',
  'unit: another: judge differs': 'Math-Verify ignores units',
  'garbled: right called wrong': 'Math-Verify ignores letters after a number; here they are a unit or a factor',
  'garbled: wrong called correct': 'Math-Verify reads no LaTeX with a brace or a dollar sign too many or too few',
};
