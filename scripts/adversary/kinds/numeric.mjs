// Numbers: the value is known by construction, and so is what each way to write it means.

/** Adds thousands separators. */
const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** A whole number or a decimal as `digits / 10^scale`. */
function value(random) {
  const scale = random.pick([0, 0, 0, 1, 2, 3]);
  const digits = BigInt(random.int(1, 10 ** random.int(1, 9)));
  return { digits: random.chance(0.2) ? -digits : digits, scale };
}

function decimal({ digits, scale }) {
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const [whole, fraction] = [text.slice(0, text.length - scale), text.slice(text.length - scale)];
  return `${digits < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

const unsigned = (text) => text.replace('-', '');

/** The same number, written otherwise. */
function written(random, number) {
  const text = decimal(number);
  const [whole, fraction] = unsigned(text).split('.');
  const sign = number.digits < 0n ? '-' : '';
  return random.oneOf(
    () => text,
    () => `${sign}${grouped(whole)}${fraction === undefined ? '' : `.${fraction}`}`,
    () => `${text}${fraction === undefined ? '.' : ''}0`,
    () => (sign ? `−${unsigned(text)}` : `+${text}`),
    () => `${decimal({ digits: number.digits, scale: number.scale + 1 })}e1`,
  );
}

/** Another number that looks alike, and differs by more than the tolerance of 1e-9. */
function other(random, right) {
  for (;;) {
    const found = alike(random, right);
    const [a, b] = [right, found].map(({ digits, scale }) => Number(digits) / 10 ** scale);
    if (Math.abs(a - b) > 1e-8 * Math.abs(a)) return found;
  }
}

function alike(random, { digits, scale }) {
  return random.oneOf(
    () => ({ digits: digits + BigInt(random.pick([-1, 1])), scale }),
    () => ({ digits: -digits, scale }),
    () => ({ digits: digits * 10n, scale }),
    () => ({ digits, scale: scale + 1 }),
    () => ({ digits: digits * 10n + 1n, scale: scale + 1 }),
    () => ({ digits: digits * 1000n, scale }),
    () => ({ digits: digits + 10n ** BigInt(scale), scale }),
  );
}

/** Ways to state an answer that counts. */
const stated = [
  (n) => n,
  (n) => `The answer is ${n}.`,
  (n) => `3 + 4 is 7. The answer is ${n}`,
  (n) => `#### ${n}`,
  (n) => `First 12, then 15.\n#### ${n}\n`,
  (n) => `It is not 99991. The answer is ${n}.`,
  (n) => `Answer: ${n}`,
  (n) => `So we get $${n}$`,
  (n) => `**Answer:** ${n}`,
  (n) => `<think>maybe 99991</think> The answer is ${n}.`,
];

/** Ways to name the right number so that it must not count, given a wrong one. */
const withheld = {
  denied: (n) => `The answer is not ${n}.`,
  'denied otherwise': (n) => `The answer is anything but ${n}.`,
  hedged: (n, wrong) => `The answer is ${n} or ${wrong}.`,
  'hedged the other way': (n, wrong) => `The answer is ${wrong} or ${n}.`,
  'before the answer': (n, wrong) => `I considered ${n}. The answer is ${wrong}.`,
  'before the last number': (n, wrong) => `From ${n} I get ${wrong}`,
  'taken back': (n, wrong) => `#### ${n}\nNo, that is wrong.\n#### ${wrong}`,
  'only thought': (n) => `<think>The answer is ${n}</think>`,
  'in a word': (n) => `The answer is a${unsigned(n)}b`,
  'every number': (n, wrong) => `The answer is ${wrong}, ${n}, 99991 or 5.`,
};

export function generate(random) {
  const right = value(random);
  const wrong = other(random, right);
  const answer = decimal(right);
  const item = (name, expected, completion) => ({ class: name, expected, completion, answer });
  const draw = random.next();
  if (draw < 0.4) return item('stated', 'right', random.pick(stated)(written(random, right)));
  if (draw < 0.75) return item('another number', 'wrong', random.pick(stated)(written(random, wrong)));
  if (draw < 0.95) {
    const [name, hide] = random.pick(Object.entries(withheld));
    return item(name, 'wrong', hide(decimal(right), decimal(wrong)));
  }
  return item(
    'no number',
    'wrong',
    random.pick([
      '',
      'I do not know.',
      'NaN',
      'Infinity',
      '1e999',
      '-',
      '####',
      'answer:',
      '0x10',
      '1/0',
      '\0',
      '\uD800',
      '9'.repeat(30_000),
      'answer '.repeat(3000),
    ]),
  );
}

export const documented = {};
