// JavaScript programs about a list of numbers, and how a pupil who forgets `=`, negative odd numbers and empty lists
// writes them: alone, and with the solution in sight.
import { generator } from './draws.mjs';

/** How often the pupil slips where that is likely, alone and with the solution in sight. */
const [SLIP, LEAVE] = [0.7, 0.1];
const COMPARISONS = { above: '>', 'at least': '>=', below: '<', 'at most': '<=' };
const CHANGES = { doubles: 'x => 2 * x', squares: 'x => x * x', opposites: 'x => -x' };
const BOUNDS = { odd: [1, 3, 5, 7], even: [2, 4, 6, 8] };

/** The tests' lists: an empty one, and numbers on both sides of every bound and of zero. */
const LISTS = [[], [1, 2, 3, 4, 5, 6, 7, 8, 9], [-3, 7, 4, -2, 9], [5, 3, 8, -7, 1, 6, 2]];

function program({ parity, comparison, bound, change, result }, slips) {
  const operator = COMPARISONS[comparison] ?? '';
  const hasNegative = !operator.startsWith('>');
  const conditions = [
    ...(parity === 'even' ? ['x % 2 === 0'] : []),
    // -3 % 2 is -1.
    ...(parity === 'odd' ? [hasNegative && slips() ? 'x % 2 === 1' : 'x % 2 !== 0'] : []),
    ...(comparison ? [`x ${operator.endsWith('=') && slips() ? operator[0] : operator} ${bound}`] : []),
  ];
  const changed = change ? `.map(${CHANGES[change]})` : '';
  // Without a first value, an empty list throws.
  const sum = slips() ? '.reduce((s, x) => s + x)' : '.reduce((s, x) => s + x, 0)';
  const ends = { list: '.join()', sum, count: '.length' };
  const value = `a.filter(x => ${conditions.join(' && ')})${changed}${ends[result]}`;
  return `\`\`\`js\nconst a = JSON.parse(readline());\nconsole.log(${value});\n\`\`\``;
}

/** What the program prints for a list. */
function printed({ parity, comparison, bound, change, result }, list) {
  const holds = { above: (x) => x > bound, 'at least': (x) => x >= bound, below: (x) => x < bound };
  const isWithin = holds[comparison] ?? ((x) => !comparison || x <= bound);
  const isOfParity = (x) => !parity || (x % 2 === 0) === (parity === 'even');
  const changes = { doubles: (x) => 2 * x, squares: (x) => x * x, opposites: (x) => -x };
  const kept = list.filter((x) => isOfParity(x) && isWithin(x)).map(changes[change] ?? ((x) => x));
  return { list: kept.join(), sum: String(kept.reduce((sum, x) => sum + x, 0)), count: String(kept.length) }[result];
}

export default generator('code', ({ pick, chance }) => {
  const result = pick(['list', 'sum', 'sum', 'count']);
  const parity = chance(0.5) ? pick(['odd', 'even']) : undefined;
  const comparison = parity === undefined || chance(0.5) ? pick(Object.keys(COMPARISONS)) : undefined;
  const asked = {
    result,
    parity,
    comparison,
    // One of the numbers asked for, so that a forgotten `=` shows.
    bound: pick(BOUNDS[parity] ?? [...BOUNDS.odd, ...BOUNDS.even]),
    change: result !== 'count' && chance(0.5) ? pick(Object.keys(CHANGES)) : undefined,
  };
  const { bound, change } = asked;
  const numbers = `${parity ? `${parity} ` : ''}numbers${comparison ? ` ${comparison} ${bound}` : ''}`;
  const trace = program(asked, () => false);
  return {
    question: `JS: ${result} of ${change ? `${change} of ` : ''}${numbers}`,
    answer: '',
    trace,
    data: {
      language: 'javascript',
      tests: LISTS.map((list) => ({ stdin: JSON.stringify(list), stdout: printed(asked, list) })),
    },
    alone: program(asked, () => chance(SLIP)),
    guided: program(asked, () => chance(LEAVE)),
  };
});
