// Compares a checkpoint in the ONNX engine with transformers: prompt ids, greedy completions, log-probabilities.
//
//   node scripts/compare-checkpoint.mjs FOLDER [PYTHON] [PROMPTS] [TOKENS]
//
// PYTHON: an interpreter with torch and transformers installed; default python3. Needs a build (npm run build).
// Completions are compared up to the first difference, which is a tie where transformers itself has two tokens within
// 1e-3.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createOnnxPolicy } from '../dist/engines/onnx/policy.js';

const [folder, python = 'python3', count = '200', tokens = '64'] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node scripts/compare-checkpoint.mjs FOLDER [PYTHON] [PROMPTS] [TOKENS]');
  process.exit(2);
}

const subjects = [
  'rain',
  'the number seven',
  'Lisbon',
  'a lighthouse',
  'yeast',
  'tides',
  'chess',
  'maps',
  'glass',
  'bees',
];
const questions = [
  (_, n) => `What is ${17 * n + 4} + ${n * n + 9}?`,
  (s) => `Write two sentences about ${s}.`,
  (s, n) => `A shop has ${n + 12} boxes of ${s}. It sells ${n % 7}. How many are left?`,
  (s) => `Explain ${s} to a child, with an example.`,
  (s, n) => `List ${(n % 4) + 2} facts on ${s}.\nOne per line.`,
  (s) => `def describe():\n    """${s}"""\nComplete this Python function.`,
  (s) => `Traduis en français : « ${s} »`,
  (s, n) => `Is ${n * 13 + 1} prime? Think about ${s} afterwards.`,
];
const prompts = Array.from({ length: Number(count) }, (_, n) =>
  questions[n % questions.length](subjects[Math.floor(n / questions.length) % subjects.length], n),
);

const work = mkdtempSync(join(tmpdir(), 'compare-'));
const [request, answer] = [join(work, 'request.json'), join(work, 'answer.json')];
writeFileSync(request, JSON.stringify({ folder, prompts, tokens: Number(tokens) }));
const started = performance.now();
execFileSync(python, [fileURLToPath(new URL('compare-checkpoint.py', import.meta.url)), request, answer], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const expected = JSON.parse(readFileSync(answer, 'utf8'));
rmSync(work, { recursive: true });
const middle = performance.now();

const policy = await createOnnxPolicy({ folder, workers: 1, device: 'cpu' });
await policy.load(0, folder);
const sampling = { temperature: 0, maxTokens: Number(tokens) };
const found = await Promise.all(
  prompts.map(async (content, i) => {
    const prompt = policy.encodePrompt([{ role: 'user', content }]);
    const [completion] = await policy.sample(0, { prompt, seeds: [0n], sampling });
    const whole = Int32Array.from([...expected[i].prompt, ...expected[i].tokens]);
    const scores = await policy.score(0, { tokens: whole, from: expected[i].prompt.length, temperature: 1 });
    return { prompt, completion, scores };
  }),
);
await policy.close();

const counts = { prompts: prompts.length, samePrompt: 0, sameCompletion: 0, ties: 0, different: 0, tokens: 0 };
const worst = { scored: 0, sampled: 0 };
for (const [i, { prompt, completion, scores }] of found.entries()) {
  const { prompt: ids, tokens: greedy, logprobs, gaps } = expected[i];
  if (ids.join() === prompt.join()) counts.samePrompt++;
  let same = 0;
  while (same < greedy.length && completion.tokens[same] === greedy[same]) same++;
  if (same === greedy.length && same === completion.tokens.length) counts.sameCompletion++;
  else if (gaps[same] < 1e-3) counts.ties++;
  else {
    counts.different++;
    console.log(
      `prompt ${i}, token ${same}: ${completion.tokens[same]}, expected ${greedy[same]} ahead by ${gaps[same]}`,
    );
  }
  counts.tokens += same;
  for (const [t, value] of logprobs.entries()) worst.scored = Math.max(worst.scored, Math.abs(value - scores[t]));
  for (let t = 0; t < same; t++)
    worst.sampled = Math.max(worst.sampled, Math.abs(logprobs[t] - completion.logprobs[t]));
}
const seconds = [middle - started, performance.now() - middle].map((ms) => Math.round(ms / 1000));
console.log({ ...counts, largestDifference: worst, seconds: { transformers: seconds[0], engine: seconds[1] } });
process.exitCode = counts.different === 0 && counts.samePrompt === prompts.length && worst.scored < 1e-3 ? 0 : 1;
