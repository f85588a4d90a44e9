// An n-gram language model as an engine: counts from a corpus, no neural network. It samples and scores in
// microseconds, so a verifier, a template or a data set can be tried on a laptop before a model is trained. It does not
// train.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineEngine, drawToken, readChatTemplate, readConfig, readTokenizer } from 'rlsd-streams';
import { z } from 'zod';

export default defineEngine({
  name: 'ngram',
  summary: 'An n-gram model counted from a corpus of questions and answers.',
  settings: z.strictObject({
    corpus: z.string().min(1).describe('JSON lines of {"id","question","answer"} to count.'),
    order: z.int().min(1).max(8).default(6).describe('Longest run of tokens that is counted.'),
    smoothing: z.number().positive().default(0.1).describe('Weight of the shorter context, in counts.'),
  }),
  create: ({ corpus, order, smoothing }, { folder: from }) => ({
    capabilities: {
      samples: true,
      scores: 'topK',
      trains: false,
      adapters: false,
      images: false,
      bitReproducible: true,
      devices: ['cpu'],
      weights: 'none',
    },
    async openPolicy({ folder }) {
      const { vocabSize, maxPositionEmbeddings } = readConfig(folder);
      const tokenizer = readTokenizer(folder, vocabSize);
      const template = readChatTemplate(folder, tokenizer);
      const encodePrompt = (messages) => template.encode(messages, { addGenerationPrompt: true });
      const [end] = tokenizer.eosIds;
      const model = countNgrams(readCorpus(resolve(from, corpus)).map(encodeExample), { order, smoothing, vocabSize });

      function encodeExample({ question, answer }) {
        return [...encodePrompt([{ role: 'user', content: question }]), ...tokenizer.encode(` ${answer}`), end];
      }

      function complete(prompt, seed, sampling) {
        const tokens = [];
        const logprobs = [];
        let finishReason = 'length';
        while (tokens.length < sampling.maxTokens && finishReason === 'length') {
          const distribution = atTemperature(model([...prompt, ...tokens]), sampling.temperature);
          const token = drawToken(distribution, sampling, seed, tokens.length);
          tokens.push(token);
          logprobs.push(distribution[token]);
          if (token === end) finishReason = 'stop';
        }
        const ids = Int32Array.from(tokens);
        return { tokens: ids, logprobs: Float32Array.from(logprobs), text: tokenizer.decode(ids), finishReason };
      }

      /** Log-probabilities over the vocabulary before each of tokens[from..]. */
      function distributions({ tokens, from: first, temperature }) {
        return Array.from(tokens.subarray(first), (_, i) =>
          atTemperature(model([...tokens.subarray(0, first + i)]), temperature),
        );
      }

      return {
        templateHash: template.hash,
        contextLength: maxPositionEmbeddings,
        encodePrompt,
        decode: (tokens) => tokenizer.decode(tokens),
        load: async () => {},
        unload: async () => {},
        has: () => true,
        sample: async (_, { prompt, seeds, sampling }) => seeds.map((seed) => complete(prompt, seed, sampling)),
        score: async (_, request) =>
          Float32Array.from(distributions(request), (logprobs, i) => logprobs[request.tokens[request.from + i]]),
        scoreTop: async (_, request) => topOf(distributions(request), request.k),
        close: async () => {},
      };
    },
  }),
});

function readCorpus(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
}

/**
 * Counts n-grams. Gives the log-probabilities of the next token after `tokens`: each context is smoothed by the one
 * that is a token shorter, the empty one by the uniform distribution.
 */
function countNgrams(examples, { order, smoothing, vocabSize }) {
  const counts = new Map();
  for (const tokens of examples)
    for (const [at, token] of tokens.entries())
      for (let length = 0; length < order && length <= at; length++) {
        const context = tokens.slice(at - length, at).join(' ');
        const seen = counts.get(context) ?? new Map();
        counts.set(context, seen.set(token, (seen.get(token) ?? 0) + 1));
      }
  return (tokens) => {
    const probabilities = new Float64Array(vocabSize).fill(1 / vocabSize);
    for (let length = 0; length < order && length <= tokens.length; length++) {
      const seen = counts.get(tokens.slice(tokens.length - length).join(' '));
      if (!seen) break;
      const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
      for (const id of probabilities.keys()) probabilities[id] *= smoothing / (total + smoothing);
      for (const [id, count] of seen) probabilities[id] += count / (total + smoothing);
    }
    return probabilities.map(Math.log);
  };
}

/** Log-probabilities at a temperature; 0 counts as 1. */
function atTemperature(logprobs, temperature) {
  if (temperature === 0 || temperature === 1) return logprobs;
  const scaled = logprobs.map((logprob) => logprob / temperature);
  const norm = Math.log(scaled.reduce((sum, x) => sum + Math.exp(x), 0));
  return scaled.map((x) => x - norm);
}

function topOf(distributions, k) {
  const ids = new Int32Array(distributions.length * k);
  const logprobs = new Float32Array(distributions.length * k);
  const tailLogprobs = new Float32Array(distributions.length);
  for (const [t, distribution] of distributions.entries()) {
    const ranked = [...distribution.keys()].sort((a, b) => distribution[b] - distribution[a] || a - b);
    ids.set(ranked.slice(0, k), t * k);
    logprobs.set(
      ranked.slice(0, k).map((id) => distribution[id]),
      t * k,
    );
    tailLogprobs[t] = Math.log(ranked.slice(k).reduce((sum, id) => sum + Math.exp(distribution[id]), 0));
  }
  return { ids, logprobs, tailLogprobs };
}
