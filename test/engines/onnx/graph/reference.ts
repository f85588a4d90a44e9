import type { SessionTensor } from '../../../../src/engines/onnx/session.js';
import type { ModelConfig } from '../../../../src/models/config.js';
import { rotaryFrequencies, rotaryScale } from '../../../../src/models/families/rope.js';
import { numbers } from './models.js';

/**
 * The decoder in plain float64 loops, written from the architecture and sharing nothing with the graphs but the
 * frequencies: log-probabilities [T][V] at each position of one sequence.
 */
export function referenceLogprobs(
  config: ModelConfig,
  parameters: ReadonlyMap<string, SessionTensor>,
  tokens: readonly number[],
  temperature: number,
): number[][] {
  const { hiddenSize, headDim, heads, kvHeads } = config;
  const linear = (x: readonly number[], name: string, out: number, bias: boolean): number[] => {
    const weight = numbers(parameters, `${name}.weight`);
    const start = bias ? numbers(parameters, `${name}.bias`) : undefined;
    return Array.from({ length: out }, (_, o) => {
      let sum = start?.[o] ?? 0;
      for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (weight[o * x.length + i] ?? Number.NaN);
      return sum;
    });
  };
  const norm = (x: readonly number[], name: string): number[] => {
    const root = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + config.rmsNormEps);
    const weight = numbers(parameters, `${name}.weight`);
    return x.map((value, i) => (value / root) * ((weight[i] ?? Number.NaN) + config.normOffset));
  };
  const cap = (x: number, at: number | undefined): number => (at === undefined ? x : at * Math.tanh(x / at));
  const gate = (x: number): number =>
    config.activation === 'silu'
      ? x / (1 + Math.exp(-x))
      : (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const rotate = (x: readonly number[], position: number, layer: number): number[] => {
    const rope = config.windows[layer] === undefined ? config.rope : config.windowRope;
    const frequencies = rotaryFrequencies(rope, headDim);
    return x.map((value, i) => {
      const half = headDim / 2;
      const angle = position * (frequencies[i % half] ?? 0);
      const other = i < half ? -(x[i + half] ?? 0) : (x[i - half] ?? 0);
      return rotaryScale(rope) * (value * Math.cos(angle) + other * Math.sin(angle));
    });
  };
  const perHead = (x: readonly number[], count: number): number[][] =>
    Array.from({ length: count }, (_, h) => x.slice(h * headDim, (h + 1) * headDim));
  const softmax = (x: readonly number[]): number[] => {
    const top = Math.max(...x);
    const powers = x.map((value) => Math.exp(value - top));
    const sum = powers.reduce((a, value) => a + value, 0);
    return powers.map((value) => value / sum);
  };

  const embeddings = numbers(parameters, 'model.embed_tokens.weight');
  let states = tokens.map((token) =>
    [...embeddings.subarray(token * hiddenSize, (token + 1) * hiddenSize)].map((x) => x * config.embeddingScale),
  );
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const inputs = states.map((x) => norm(x, `${name}.input_layernorm`));
    const project = (x: readonly number[], which: string, count: number): number[][] =>
      perHead(linear(x, `${name}.self_attn.${which}_proj`, count * headDim, config.qkvBias), count);
    const turned = (which: string, count: number): number[][][] =>
      inputs.map((x, position) =>
        project(x, which, count).map((head) =>
          rotate(config.qkNorm ? norm(head, `${name}.self_attn.${which}_norm`) : head, position, layer),
        ),
      );
    const q = turned('q', heads);
    const k = turned('k', kvHeads);
    const v = inputs.map((x) => project(x, 'v', kvHeads));
    states = states.map((x, t) => {
      const mixed = Array.from({ length: heads }, (_, h) => {
        const group = Math.floor(h / (heads / kvHeads));
        const query = q[t]?.[h] ?? [];
        const from = Math.max(0, t + 1 - (config.windows[layer] ?? t + 1));
        const scores = k.slice(from, t + 1).map((key) => {
          const product = query.reduce((sum, value, i) => sum + value * (key[group]?.[i] ?? 0), 0);
          return cap(product * config.attentionScale, config.attentionSoftcap);
        });
        const weights = softmax(scores);
        return Array.from({ length: headDim }, (_, i) =>
          weights.reduce((sum, weight, s) => sum + weight * (v[from + s]?.[group]?.[i] ?? 0), 0),
        );
      }).flat();
      const after = (y: number[], which: string): number[] => (config.postNorms ? norm(y, `${name}.${which}`) : y);
      const attended = after(
        linear(mixed, `${name}.self_attn.o_proj`, hiddenSize, config.outputBias),
        'post_attention_layernorm',
      );
      const middle = x.map((value, i) => value + (attended[i] ?? 0));
      const before = config.postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
      const fed = norm(middle, `${name}.${before}`);
      const gates = linear(fed, `${name}.mlp.gate_proj`, config.intermediateSize, false);
      const up = linear(fed, `${name}.mlp.up_proj`, config.intermediateSize, false);
      const inner = gates.map((value, i) => gate(value) * (up[i] ?? 0));
      const down = after(linear(inner, `${name}.mlp.down_proj`, hiddenSize, false), 'post_feedforward_layernorm');
      return middle.map((value, i) => value + (down[i] ?? 0));
    });
  }
  const head = config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head';
  return states.map((x) => {
    const logits = linear(norm(x, 'model.norm'), head, config.vocabSize, false).map(
      (value) => cap(value, config.logitSoftcap) / temperature,
    );
    const top = Math.max(...logits);
    const total = top + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0));
    return logits.map((value) => value - total);
  });
}
