// Records what a real vLLM answers to the requests of test/engines/vllm, for their loopback server:
//   scripts/vllm.sh serve VENV examples/models/arithmetic 8000 --dtype float32 --enforce-eager
//   npm run build && node scripts/vllm/record.mjs http://127.0.0.1:8000
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { bindEngine, vllmDefinition } from '../../dist/engines/index.js';

const FOLDER = 'examples/models/arithmetic';
const OUT = 'test/engines/vllm/recorded.json';
/** The loopback server of the tests answers these itself: they change what it has. */
const STATEFUL =
  /^\/(health|weight_info|update_weight_version|collective_rpc|reset_prefix_cache|v1\/load_lora|v1\/unload)/;

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node scripts/vllm/record.mjs URL');
  process.exit(2);
}

const recorded = {};
const proxy = createServer((incoming, outgoing) => {
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', async () => {
    const body = Buffer.concat(chunks).toString();
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}${incoming.url}`, { method: incoming.method, headers, ...(body && { body }) });
    const text = (await answer.text()).replaceAll(resolve(FOLDER), FOLDER);
    if (!STATEFUL.test(incoming.url)) recorded[`${incoming.url} ${body}`.trim()] = JSON.parse(text);
    outgoing.writeHead(answer.status, headers).end(text);
  });
});
await new Promise((ready) => proxy.listen(0, '127.0.0.1', ready));
const place = `http://127.0.0.1:${proxy.address().port}`;

const conversations = [[{ role: 'user', content: '3 + 4 = ?' }]];
const options = { folder: FOLDER, device: 'cpu', workers: 1 };
const engine = bindEngine(vllmDefinition, { url: place });
for (const temperature of [1, 0.7]) {
  const sampling = { temperature, maxTokens: 12 };
  const problems = await engine.check({ ...options, conversations, sampling, publishes: 'weights' });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}
const policy = await engine.openPolicy(options);
await policy.load(0, FOLDER);
const prompt = policy.encodePrompt(conversations[0]);
const sampling = { temperature: 1, maxTokens: 12 };
const seeds = [7n, 2n ** 62n + 1n];
const [first] = await policy.sample(0, { prompt, seeds, sampling });
await policy.sample(0, { prompt, seeds: [7n], sampling: { ...sampling, temperature: 0, stop: [';'] } });
const tokens = Int32Array.from([...prompt, ...first.tokens]);
await policy.score(0, { tokens, from: prompt.length, temperature: 1 });
await policy.scoreTop(0, { tokens, from: prompt.length, temperature: 1, k: 3 });
await policy.close();
proxy.close();

// What a completion repeats for other clients.
const kept = ['id', 'model', 'data', 'tokens', 'choices', 'count', 'max_model_len', 'parent', 'root'];
for (const answer of Object.values(recorded))
  for (const field of Object.keys(answer)) if (!kept.includes(field)) delete answer[field];
writeFileSync(OUT, `${JSON.stringify(recorded, null, 1)}\n`);
console.log(`${OUT}: ${Object.keys(recorded).length} answers`);
