// The kinds that compare text: exact, choice, regex and format. What each answer means is known by construction.

const letters = 'ABCDE';

function choice(random) {
  const right = random.pick(letters);
  const wrong = random.pick([...letters].filter((letter) => letter !== right));
  const state = [
    (l) => l,
    (l) => `(${l})`,
    (l) => `The answer is ${l}.`,
    (l) => `The answer is (${l})`,
    (l) => `Answer: ${l}`,
    (l) => `\\boxed{${l}}`,
    (l) => `$\\boxed{\\text{${l}}}$`,
    (l) => `It is ${l}.`,
    (l) => `**${l}**`,
    (l) => `I think the answer is option ${l}`,
  ];
  const hide = {
    'both, the other last': (r, w) => `The answer is ${r}. No, the answer is ${w}.`,
    denied: (r) => `The answer is not ${r}.`,
    hedged: (r, w) => `The answer is ${r} or ${w}.`,
    'hedged with a comma': (r, w) => `The answer is ${w}, ${r}`,
    'hedged in boxes': (r, w) => `\\boxed{${w}} or \\boxed{${r}}`,
    'every letter': () => 'The answer is A, B, C, D or E.',
    'letters in a row': () => 'ABCDE',
    'only thought': (r) => `<think>The answer is ${r}</think>`,
    'in a word': (r) => `The answer is ${r}pple`,
    'the text of the question': () => 'A) one B) two C) three D) four E) five',
    nothing: () => '',
    'a letter beyond': () => 'The answer is Z.',
  };
  const item = (name, expected, completion) => ({
    kind: 'choice',
    class: `choice: ${name}`,
    expected,
    completion,
    answer: right,
  });
  const draw = random.next();
  if (draw < 0.35) return item('stated', 'right', random.pick(state)(right));
  if (draw < 0.6) return item('another letter', 'wrong', random.pick(state)(wrong));
  const [name, make] = random.pick(Object.entries(hide));
  return item(name, 'wrong', make(right, wrong));
}

const words = ['Paris', 'Rome', '42', 'x = 5', 'naïve', 'Straße', 'ΑΒΓ', 'a\nb', '👍', '"quoted"', 'a.b', '(a|b)'];

function exact(random) {
  const right = random.pick(words);
  const item = (name, expected, completion, settings = {}) => ({
    kind: 'exact',
    class: `exact: ${name}`,
    expected,
    settings,
    completion,
    answer: right,
  });
  const other = random.pick(words.filter((word) => word !== right));
  return random.oneOf(
    () => item('the same', 'right', `${random.pick(['', ' ', '\n'])}${right}${random.pick(['', ' ', '\r\n'])}`),
    () => item('another', 'wrong', other),
    () =>
      item(
        'with more',
        'wrong',
        random.pick([`${right}.`, `The answer is ${right}`, `${right}\n${other}`, `"${right}`, `${right}\u200b`]),
      ),
    () =>
      item(
        'in another case',
        /\p{L}/u.test(right) ? (right.toLowerCase() === right ? 'right' : 'wrong') : 'right',
        right.toLowerCase(),
      ),
    () => item('in another case, ignored', 'right', right.toLowerCase(), { ignoreCase: true }),
    () => item('nothing', 'wrong', random.pick(['', ' ', '\0', '.*', '\uD800'])),
    () => item('in other characters', right.normalize('NFD') === right ? 'right' : 'wrong', right.normalize('NFD')),
  );
}

function regex(random) {
  const number = String(random.int(10, 99));
  const other = String(random.int(100, 999));
  const named = { pattern: '(?:answer|result) is (?<answer>\\d+)' };
  const item = (name, expected, completion, settings, answer) => ({
    kind: 'regex',
    class: `regex: ${name}`,
    expected,
    settings,
    completion,
    answer,
  });
  return random.oneOf(
    () => item('named group', 'right', `The ${random.pick(['answer', 'result'])} is ${number}.`, named, number),
    () => item('named group, another', 'wrong', `The answer is ${other}.`, named, number),
    () => item('named group, longer', 'wrong', `The answer is ${number}7`, named, number),
    () => item('no match', 'wrong', random.pick([number, '', named.pattern, `answer ${number}`]), named, number),
    () => item('reference as expression', 'right', `so ${number}`, {}, `\\b${number}\\b`),
    () =>
      item(
        'reference as expression, not there',
        'wrong',
        random.pick([other, '', `\\b${number}`.replace(number, 'x')]),
        {},
        `\\b${number}\\b`,
      ),
    () => item('beyond what is searched', 'wrong', `${number}${' '.repeat(20_001)}`, {}, `\\b${number}\\b`),
  );
}

function format(random) {
  const settings = { pattern: '<think>[^<]*</think>\\s*\\S.*' };
  const item = (name, expected, completion) => ({
    kind: 'format',
    class: `format: ${name}`,
    expected,
    settings,
    completion,
    answer: '',
  });
  return random.oneOf(
    () => item('as asked', 'right', `<think>${random.pick(['', 'hm', 'a\nb'])}</think>${random.pick(['', '\n'])}5`),
    () =>
      item(
        'not as asked',
        'wrong',
        random.pick(['5', '<think>a</think>', '<think>5', 'x<think>a</think>5', '<think></think>\n', '</think>5', '']),
      ),
  );
}

export const generate = (random) => {
  if (random.chance(0.00003))
    return {
      kind: 'regex',
      class: 'heavy',
      expected: 'wrong',
      settings: { pattern: '^(a+)+$' },
      completion: `${'a'.repeat(60)}!`,
      answer: '',
    };
  return random.oneOf(
    () => choice(random),
    () => exact(random),
    () => regex(random),
    () => format(random),
  );
};

export const documented = {};
