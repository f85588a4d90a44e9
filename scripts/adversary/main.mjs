// Generated and mutated answers against a verifier, with what an independent judge says of them. Run after
// `npm run build`.
// node scripts/adversary/main.mjs KIND [--count 1000] [--seed 1] [--judge FOLDER] [--show 5] [--out FILE]
// `--judge` names a folder for a Python environment with the independent judges; it is made there if it is missing.
// Exits with 1 after a crash, a missed deadline, or a verdict that is wrong and not documented.
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { stringifyExact } from '../../dist/support/exact-json.js';
import { openJudge } from '../../dist/verifiers/kind.js';
import { openPool } from '../../dist/verifiers/pool.js';
import { pooledKind } from '../../dist/verifiers/registry.js';
import { openIndependentJudge } from './judge.mjs';
import { seeded } from './random.mjs';

const kinds = ['math', 'numeric', 'text', 'sql', 'json-schema', 'code'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    judge: { type: 'string' },
    show: { type: 'string', default: '5' },
    out: { type: 'string' },
  },
});
const [name] = positionals;
if (!kinds.includes(name)) {
  console.error(`found ${name ?? 'nothing'}, expected a kind: ${kinds.join(', ')}`);
  process.exit(2);
}
const { generate, documented } = await import(`./kinds/${name}.mjs`);
const independent = values.judge === undefined ? undefined : openIndependentJudge(values.judge, name);
const pool = openPool(1);
const random = seeded(Number(values.seed));
const counts = new Map();
const shown = new Map();

const judges = new Map();
function judgeOf(kind, settings) {
  const key = `${kind} ${JSON.stringify(settings)}`;
  if (!judges.has(key)) judges.set(key, openJudge(pooledKind(kind), settings, { where: kind, folder: '.' }));
  return judges.get(key);
}

async function verdictOf({ kind = name, settings = {}, question = '', completion, answer, data }) {
  const { seconds } = await judgeOf(kind, settings);
  const reference = { answer, data: data === undefined ? null : stringifyExact(data) };
  const asked = { promptId: 'p', itemId: 'i', question, completion, reference };
  try {
    return await pool.run({ kind, settings, question: asked }, seconds);
  } catch (error) {
    return { verdict: 'error', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What a verdict says about the verifier. */
function outcomeOf(item, expected, { verdict }) {
  if (verdict === 'error') return 'broken item';
  // A hostile program may end as it likes, but not as a right one.
  if (item.class === 'heavy' || item.hostile) return verdict === 'correct' ? 'wrong called correct' : 'agree';
  if (verdict === 'timeout' || verdict === 'crash') return verdict;
  if (expected === undefined) return 'unlabelled';
  if (expected === 'wrong' && verdict === 'correct') return 'wrong called correct';
  if (expected === 'right' && verdict !== 'correct') return 'right called wrong';
  return 'agree';
}

const failures = ['broken item', 'timeout', 'crash', 'wrong called correct', 'right called wrong', 'judge differs'];

function record(item, expected, judgement, found) {
  const why = failures.includes(found) ? documented[`${item.class}: ${found}`] : undefined;
  const outcome = why === undefined ? found : 'documented';
  const byClass = counts.get(item.class) ?? {};
  byClass[outcome] = (byClass[outcome] ?? 0) + 1;
  counts.set(item.class, byClass);
  if (!failures.includes(outcome)) return;
  const line = JSON.stringify({ outcome, ...item, expected, verdict: judgement.verdict, reason: judgement.reason });
  if (values.out) appendFileSync(values.out, `${line}\n`);
  const key = `${item.class} ${outcome}`;
  shown.set(key, (shown.get(key) ?? 0) + 1);
  if (shown.get(key) <= Number(values.show)) console.log(line.length > 2000 ? `${line.slice(0, 2000)}…` : line);
}

const BATCH = 256;
const total = Number(values.count);
const start = performance.now();
for (let done = 0; done < total; done += BATCH) {
  if (done > 0 && done % (40 * BATCH) === 0) console.error(`${name}: ${done} answers so far`);
  const items = Array.from({ length: Math.min(BATCH, total - done) }, () => generate(random));
  const asked = independent?.judge(items.map(({ ask }) => ask ?? null));
  const judgements = await Promise.all(items.map(verdictOf));
  const labels = await asked;
  items.forEach((item, i) => {
    const said = labels?.[i];
    const expected = item.expected ?? (said === undefined || said === null ? undefined : said ? 'right' : 'wrong');
    // The two judges can also contradict what holds by construction: then the generator is wrong.
    const contradicted = item.ask && item.expected && typeof said === 'boolean' && said !== (item.expected === 'right');
    record(item, expected, judgements[i], contradicted ? 'judge differs' : outcomeOf(item, expected, judgements[i]));
  });
}
await pool.close();
await independent?.close();

const sum = {};
for (const byClass of counts.values()) for (const [key, n] of Object.entries(byClass)) sum[key] = (sum[key] ?? 0) + n;
for (const [key, byClass] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(
    `${key}: ${Object.entries(byClass)
      .map(([outcome, n]) => `${n} ${outcome}`)
      .join(', ')}`,
  );
}
const failed = failures.filter((outcome) => sum[outcome] > 0);
console.log(
  `${name}: ${total} answers in ${((performance.now() - start) / 1000).toFixed(0)} s: ` +
    Object.entries(sum)
      .map(([outcome, n]) => `${n} ${outcome}`)
      .join(', '),
);
if (failed.length > 0) process.exitCode = 1;
