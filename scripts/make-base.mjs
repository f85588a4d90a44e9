// Makes the example's base model: `npm run base [FOLDER]`, after a build.
import { join } from 'node:path';
import { createOnnxPolicy } from '../dist/engines/onnx/policy.js';
import { createLearner } from '../dist/learner/create.js';
import { makeTokenizer } from '../dist/models/bpe.js';
import { readChatTemplate } from '../dist/models/chat-template.js';
import { parseConfig } from '../dist/models/config.js';
import { writeModelFolder } from '../dist/models/folder.js';
import { initModel } from '../dist/models/init.js';
import { readTokenizer } from '../dist/models/tokenizer.js';
import { chainSum } from '../dist/sources/tasks/chain-sum.js';
import { CHAIN_SUM_WORDS, CHAIN_SUM_RECIPE as recipe } from '../dist/sources/tasks/chain-sum-base.js';
import { CHAIN_SUM_TEACHER_TEMPLATE, chainSumDemonstration } from '../dist/sources/tasks/chain-sum-demonstrations.js';

const folder = process.argv[2] ?? 'examples/models/arithmetic';
const THREADS = 2;
const HELD_OUT = 300;

const { files: tokenizerFiles, vocabSize } = makeTokenizer(CHAIN_SUM_WORDS);
const eos = JSON.parse(tokenizerFiles['tokenizer.json']).added_tokens.find((t) => t.content === '<|endoftext|>').id;
const json = { ...recipe.model, vocab_size: vocabSize, eos_token_id: eos };
const config = parseConfig(json, join(folder, 'config.json'));
const files = new Map(
  Object.entries({ ...tokenizerFiles, 'config.json': `${JSON.stringify(json, null, 2)}\n` }).map(([name, text]) => [
    name,
    Buffer.from(text),
  ]),
);
const parameters = initModel(config, recipe.seed);
writeModelFolder(folder, { config, files, parameters });
const tokenizer = readTokenizer(folder, vocabSize);
const template = readChatTemplate(folder, tokenizer);

/** The conversation of a demonstration; only the answer is learned. */
function sample(index, hinted) {
  const { prompt, completion } = chainSumDemonstration({ seed: recipe.seed, index, hinted }, recipe.demonstrator);
  const asked = [{ role: 'user', content: prompt }];
  const answered = [...asked, { role: 'assistant', content: completion }];
  const from = template.encode(asked, { addGenerationPrompt: true }).length;
  const tokens = template.encode(answered, { addGenerationPrompt: false });
  return { tokens, mask: Uint8Array.from(tokens, (_, t) => (t < from ? 0 : 1)) };
}

const settings = { ...recipe.learn, totalSteps: recipe.steps };
const learner = await createLearner({ config, parameters, settings, threads: THREADS });
const started = performance.now();
let index = 0;
for (let step = 1; step <= recipe.steps; step++) {
  const batch = [false, true].flatMap((hinted) => Array.from({ length: recipe.batch }, () => sample(index++, hinted)));
  const { loss } = await learner.supervise(batch);
  if (step % 100 === 0) {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`step ${step} of ${recipe.steps}: ${loss.toFixed(4)} nats per token, ${seconds} s`);
  }
}
const digest = writeModelFolder(folder, { config, files, parameters: await learner.weights() });
await learner.close();
console.log(`${folder}: model.safetensors ${digest}`);

const policy = await createOnnxPolicy({ folder, workers: THREADS, device: 'cpu' });
await policy.load(0, folder);
const right = { plain: 0, hinted: 0 };
const asks = Array.from({ length: HELD_OUT }, (_, i) => chainSum({ seed: recipe.seed, index: i, heldOut: true }));
const grade = async (kind, content, { answer }) => {
  const prompt = policy.encodePrompt([{ role: 'user', content }]);
  const sampling = { temperature: 0, maxTokens: 48 };
  const [completion] = await policy.sample(0, { prompt, seeds: [0n], sampling });
  if (completion.text.endsWith(`the answer is ${answer}`)) right[kind]++;
};
await Promise.all(
  asks.flatMap((item) => {
    const hinted = CHAIN_SUM_TEACHER_TEMPLATE.replace('{{ trace }}', item.trace).replace(
      '{{ question }}',
      item.question,
    );
    return [grade('plain', item.question, item), grade('hinted', hinted, item)];
  }),
);
await policy.close();
for (const [kind, count] of Object.entries(right))
  console.log(`greedy accuracy on ${HELD_OUT} held-out questions, ${kind}: ${(count / HELD_OUT).toFixed(3)}`);
