// Answers judged a second on one core: plain numbers and fractions. Run after `npm run build`.
import { compareMath } from '../dist/verifiers/math/index.js';

const kinds = {
  numbers: (k) => [`${k}`, `The sum is ${k - 1} + 1, so the answer is ${k}.`],
  fractions: (k) => [`\\frac{${k}}{${k + 7}}`, `Hence $x = \\frac{${2 * k}}{${2 * k + 14}}$.`],
  symbolic: (k) => [`x^2+${2 * k}x+${k * k}`, `\\boxed{(x+${k})^2}`],
};
for (const [name, make] of Object.entries(kinds)) {
  const pairs = Array.from({ length: 4000 }, (_, k) => make(k + 1));
  for (const [gold, answer] of pairs.slice(0, 500)) compareMath(gold, answer);
  const start = process.hrtime.bigint();
  const correct = pairs.filter(([gold, answer]) => compareMath(gold, answer).verdict === 'correct').length;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const rate = pairs.length / seconds;
  console.log(
    `${name}: ${Math.round(rate)} a second, ${(rate / 2000).toFixed(1)} times the floor of 2,000, ${correct} of ${pairs.length} correct`,
  );
}
