// Answers judged per second on one core, in CPU time: plain numbers, fractions and polynomials. Run after `npm run
// build`. The floor is 2,000 per second for numbers and fractions.
import { compareMath } from '../dist/verifiers/math/judge-math.js';

const FLOOR = 2000;
const ROUNDS = 5;
const kinds = {
  numbers: { floor: true, make: (k) => [`${k}`, `The sum is ${k - 1} + 1, so the answer is ${k}.`] },
  fractions: { floor: true, make: (k) => [`\\frac{${k}}{${k + 7}}`, `Hence $x = \\frac{${2 * k}}{${2 * k + 14}}$.`] },
  polynomials: { floor: false, make: (k) => [`x^2+${2 * k}x+${k * k}`, `\\boxed{(x+${k})^2}`] },
};
for (const [name, { floor, make }] of Object.entries(kinds)) {
  const pairs = Array.from({ length: 2000 }, (_, k) => make(k + 1));
  let correct = 0;
  const seconds = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage();
    correct = pairs.filter(([gold, answer]) => compareMath(gold, answer).verdict === 'correct').length;
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  });
  const rate = pairs.length / Math.min(...seconds);
  const against = floor ? `${(rate / FLOOR).toFixed(1)} times the floor of ${FLOOR}, ` : '';
  console.log(`${name}: ${Math.round(rate)} a second, ${against}${correct} of ${pairs.length} correct`);
  if (correct < pairs.length || (floor && rate < FLOOR)) process.exitCode = 1;
}
