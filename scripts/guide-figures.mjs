// Runs what figures in the examples' headers and in the guides come from, and compares: the held-out accuracy of each
// example before and after its run, and that of the base models. On another kind of processor than the figures', which
// rounds differently, a few answers change; a run may end further away, since a difference grows from step to step.
// npm run build && node scripts/guide-figures.mjs [EXAMPLE…]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createOnnxPolicy } from '../dist/engines/onnx/policy.js';
import { modelDigest } from '../dist/models/folder.js';
import { newDisposers } from '../dist/runs/disposers.js';
import { measure } from '../dist/supervise/measure.js';
import { prepare } from '../dist/supervise/prepare.js';
import { readSupervision } from '../dist/supervise/spec.js';

/** Points of accuracy that a figure may be off. */
const [BEFORE, AFTER] = [3, 10];

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rlsd-figures-'));
const wanted = process.argv.slice(2);
let [compared, wrong] = [0, 0];

function compare(what, found, printed, tolerance) {
  const isNear = Math.abs(found - printed) <= tolerance;
  console.log(`${isNear ? 'ok   ' : 'WRONG'}  ${what}: printed ${printed} %, found ${found.toFixed(1)} %`);
  compared++;
  if (!isNear) wrong++;
}

/** Accuracy in percent before and after the run of an example whose header states both. */
function compareExample(file) {
  const header = readFileSync(join(root, 'examples', file), 'utf8').replaceAll(/\n# ?/g, ' ');
  const [, before, after] = /held-out accuracy rises from ([\d.]+) % to ([\d.]+) %/.exec(header) ?? [];
  if (after === undefined) return;
  const args = ['dist/cli/main.js', 'run', `examples/${file}`, '--run', join(folder, file), '--json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const measured = events.filter(({ event }) => event === 'heldOut');
  if (measured.length < 2) throw new Error(`${file}: the run measured no gain\n${stderr}`);
  compare(`examples/${file} before`, measured[0].accuracy * 100, Number(before), BEFORE);
  compare(`examples/${file} after`, measured.at(-1).accuracy * 100, Number(after), AFTER);
}

/** The accuracies of a base model, as percentages in the lines of a page that match. */
async function compareBase(name, page, patterns) {
  const text = readFileSync(join(root, page), 'utf8');
  const model = join(root, 'examples/models', name);
  const disposers = newDisposers();
  try {
    const supervision = readSupervision(join(root, 'examples/bases', `${name}.yaml`), [
      `model={ base: ${JSON.stringify(model)} }`,
    ]);
    const prepared = await prepare(supervision, disposers);
    const policy = disposers.use(
      await createOnnxPolicy({ folder: model, workers: availableParallelism(), device: 'cpu' }),
    );
    await policy.load(0, model, modelDigest(model));
    const found = await measure({ ...prepared, policy, failed: console.error });
    for (const [kind, pattern] of Object.entries(patterns)) {
      const printed = Number(pattern.exec(text)?.[1]);
      compare(`${page}: ${name}, ${kind}`, found[kind].accuracy * 100, printed, BEFORE);
    }
  } finally {
    await disposers.dispose();
  }
}

try {
  const files = readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.yaml'));
  for (const file of files) if (wanted.length === 0 || wanted.includes(file.replace('.yaml', ''))) compareExample(file);
  if (wanted.length === 0) {
    await compareBase('arithmetic', 'docs/supervise.md', {
      plain: /^plain .* ([\d.]+) %$/m,
      hinted: /^hinted .* ([\d.]+) %$/m,
      shuffled: /^another prompt's hint .* ([\d.]+) %$/m,
    });
    await compareBase('chain', 'docs/evidence.md', {
      plain: /^\| the question \| ([\d.]+) % \|$/m,
      hinted: /^\| the worked trace as well \| ([\d.]+) % \|$/m,
      shuffled: /^\| another prompt's trace \| ([\d.]+) % \|$/m,
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${compared} figures, ${wrong} wrong`);
process.exitCode = wrong === 0 && compared > 1 ? 0 : 1;
