// `npm run test:vllm`: trains the example through a real vLLM, kills the server once in the middle of a step, starts it
// again, and counts what the run has committed. VLLM_VENV names the environment; without it, it says so in one line.
// Run after `npm run build`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planOf } from '../../dist/pipelines/plan/plan.js';
import { readSpec } from '../../dist/pipelines/spec/parse.js';
import { openEmbedded } from '../../dist/topics/embedded/index.js';
import { incomplete, newCensus } from '../chaos/census.mjs';
import { startRlsd, withSettings } from '../chaos/pipeline.mjs';
import { startServer, venv } from './server.mjs';

venv();
const STEPS = 5;
const FILE = 'examples/arithmetic.yaml';
const MODEL = 'examples/models/arithmetic';
const folder = mkdtempSync(join(tmpdir(), 'rlsd-vllm-'));
const log = join(folder, 'server.log');
let server = await startServer(log, { model: MODEL });
const settings = [
  `model.engine={ vllm: { url: "${server.url}" } }`,
  `steps=${STEPS}`,
  'prompts.heldOut=32',
  `evaluate.every=${STEPS}`,
  'teach.every=2',
];
const began = Date.now();
let restart;
const onLine = (text) => {
  if (restart || !/^step 2\//m.test(text)) return;
  restart = (async () => {
    await server.kill();
    console.log('killed the server after step 2');
    server = await startServer(log, { model: MODEL, port: server.port });
  })();
};
const run = join(folder, 'run');
const { child, done } = startRlsd(['run', FILE, '--run', run, ...withSettings(settings)], onLine);
child.stderr.on('data', onLine);
const { code, complaint } = await done;
await restart;
const seconds = Math.round((Date.now() - began) / 1000);
const problems = code === 0 ? [] : [`the run ended with ${code}: ${complaint}`];
if (!restart) problems.push('the server was never killed');
const { spec, folder: base } = readSpec(FILE, settings);
const topics = await openEmbedded(join(run, 'topics'), { readOnly: true });
const found = await newCensus(planOf(spec, base).topics).take(topics);
await topics.close();
const { prompts, group } = { ...spec.learn, ...spec.rollout };
const samples = STEPS * prompts * group;
problems.push(...incomplete(found, { steps: STEPS, learn: spec.learn, rollout: spec.rollout }));
await server.kill();
const { rollouts } = found.counts;
const lost = samples - rollouts.distinct;
console.log(
  JSON.stringify({ fine: problems.length === 0, seconds, samples: rollouts.distinct, lost, repeated: rollouts.twice }),
);
for (const problem of problems) console.error(`vllm: ${problem}`);
if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
process.exitCode = problems.length === 0 ? 0 : 1;
