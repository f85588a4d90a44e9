// Tokens/s of the vllm engine at 64 requests in flight, next to those of vLLM's own benchmark client, on the same prompts
// and server, in alternating rounds, of which the best counts; and the time from an adapter that is on disk to its first
// token, of which the median counts. VLLM_VENV names the environment.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindEngine, vllmDefinition } from '../dist/engines/index.js';
import { readConfig } from '../dist/models/folder.js';
import { writeAdapter } from '../dist/models/lora/folder.js';
import { initAdapter } from '../dist/models/lora/init.js';
import { modulesOf, projections } from '../dist/models/lora/lora.js';
import { startServer, venv } from '../scripts/vllm/server.mjs';

const environment = venv();
const MODEL = 'examples/models/arithmetic';
const REQUESTS = 512;
const IN_FLIGHT = 64;
const TOKENS = 48;
const ROUNDS = 3;
const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-vllm-'));
const questions = Array.from({ length: REQUESTS }, (_, n) => `${n % 20} + ${n % 7} - ${n % 5} + ${n % 11}`);

const more = ['--enable-lora', '--max-lora-rank', '16'];
const server = await startServer(join(folder, 'server.log'), { model: MODEL, more });
const engine = bindEngine(vllmDefinition, { url: server.url, inFlight: IN_FLIGHT });
const policy = await engine.openPolicy({ folder: MODEL, device: 'cpu', workers: 1 });
await policy.load(0, MODEL);
const prompts = questions.map((content) => policy.encodePrompt([{ role: 'user', content }]));
const sampling = { temperature: 1, maxTokens: TOKENS };
let seed = 0n;

async function ours() {
  const start = process.hrtime.bigint();
  const done = await Promise.all(prompts.map((prompt) => policy.sample(0, { prompt, seeds: [seed++], sampling })));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return done.flat().reduce((sum, { tokens }) => sum + tokens.length, 0) / seconds;
}

const data = join(folder, 'prompts.jsonl');
const rows = questions.map((question) => JSON.stringify({ prompt: `<|user|>${question}<|assistant|>` }));
writeFileSync(data, `${rows.join('\n')}\n`);

/** What `vllm bench serve` measures. */
function theirs() {
  const result = join(folder, 'result.json');
  execFileSync(
    join(environment, 'bin/vllm'),
    [
      ...['bench', 'serve', '--backend', 'openai', '--base-url', server.url, '--endpoint', '/v1/completions'],
      ...['--model', MODEL, '--dataset-name', 'custom', '--dataset-path', data, '--skip-chat-template'],
      ...['--custom-output-len', String(TOKENS), '--num-prompts', String(REQUESTS), '--disable-shuffle'],
      ...['--max-concurrency', String(IN_FLIGHT), '--temperature', '1', '--save-result', '--result-filename', result],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1' } },
  );
  return JSON.parse(readFileSync(result, 'utf8')).output_throughput;
}

const best = { ours: 0, theirs: 0 };
await ours();
for (let round = 0; round < ROUNDS; round++) {
  best.theirs = Math.max(best.theirs, theirs());
  best.ours = Math.max(best.ours, await ours());
}
const config = readConfig(MODEL);
const lora = { rank: 16, alpha: 32, rslora: false, modules: modulesOf(config, projections) };
const times = [];
for (let version = 1; version <= 8; version++) {
  const adapter = join(folder, `adapter-${version}`);
  writeAdapter(adapter, initAdapter(config, lora, version), MODEL);
  const start = process.hrtime.bigint();
  await policy.load(version, adapter);
  await policy.sample(version, { prompt: prompts[0], seeds: [seed++], sampling: { temperature: 1, maxTokens: 1 } });
  times.push(Number(process.hrtime.bigint() - start) / 1e6);
  await policy.unload(version);
}
// The first one also compiles the kernels.
const [first, ...others] = times;
const median = others.sort((a, b) => a - b)[3];
await policy.close();
await server.kill();
rmSync(folder, { recursive: true });
const ratio = best.ours / best.theirs;
console.log(
  `${IN_FLIGHT} requests in flight: ${Math.round(best.ours)} tokens/s, vLLM's client ${Math.round(best.theirs)} tokens/s`,
);
console.log(`ratio: ${ratio.toFixed(2)} (floor 0.9)`);
console.log(`adapter to its first token: ${Math.round(median)} ms, the first ${Math.round(first)} ms (floor 1000)`);
process.exitCode = ratio >= 0.9 && median < 1000 ? 0 : 1;
