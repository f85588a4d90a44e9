import type { SessionTensor } from '../../../../src/engines/onnx/session.js';
import { type ModelConfig, rotaryFrequencies } from '../../../../src/models/config.js';
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
    return x.map((value, i) => (value / root) * (weight[i] ?? Number.NaN));
  };
  const frequencies = rotaryFrequencies(config);
  const rotate = (x: readonly number[], position: number): number[] =>
    x.map((value, i) => {
      const half = headDim / 2;
      const angle = position * (frequencies[i % half] ?? 0);
      const other = i < half ? -(x[i + half] ?? 0) : (x[i - half] ?? 0);
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  const perHead = (x: readonly number[], count: number): number[][] =>
    Array.from({ length: count }, (_, h) => x.slice(h * headDim, (h + 1) * headDim));
  const softmax = (x: readonly number[]): number[] => {
    const top = Math.max(...x);
    const powers = x.map((value) => Math.exp(value - top));
    const sum = powers.reduce((a, value) => a + value, 0);
    return powers.map((value) => value / sum);
  };

  const embeddings = numbers(parameters, 'model.embed_tokens.weight');
  let states = tokens.map((token) => [...embeddings.subarray(token * hiddenSize, (token + 1) * hiddenSize)]);
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const inputs = states.map((x) => norm(x, `${name}.input_layernorm`));
    const project = (x: readonly number[], which: string, count: number): number[][] =>
      perHead(linear(x, `${name}.self_attn.${which}_proj`, count * headDim, config.qkvBias), count);
    const turned = (which: string, count: number): number[][][] =>
      inputs.map((x, position) =>
        project(x, which, count).map((head) =>
          rotate(config.qkNorm ? norm(head, `${name}.self_attn.${which}_norm`) : head, position),
        ),
      );
    const q = turned('q', heads);
    const k = turned('k', kvHeads);
    const v = inputs.map((x) => project(x, 'v', kvHeads));
    states = states.map((x, t) => {
      const mixed = Array.from({ length: heads }, (_, h) => {
        const group = Math.floor(h / (heads / kvHeads));
        const query = q[t]?.[h] ?? [];
        const scores = k
          .slice(0, t + 1)
          .map((key) => query.reduce((sum, value, i) => sum + value * (key[group]?.[i] ?? 0), 0) / Math.sqrt(headDim));
        const weights = softmax(scores);
        return Array.from({ length: headDim }, (_, i) =>
          weights.reduce((sum, weight, s) => sum + weight * (v[s]?.[group]?.[i] ?? 0), 0),
        );
      }).flat();
      const attended = linear(mixed, `${name}.self_attn.o_proj`, hiddenSize, config.outputBias);
      const middle = x.map((value, i) => value + (attended[i] ?? 0));
      const fed = norm(middle, `${name}.post_attention_layernorm`);
      const gate = linear(fed, `${name}.mlp.gate_proj`, config.intermediateSize, false);
      const up = linear(fed, `${name}.mlp.up_proj`, config.intermediateSize, false);
      const inner = gate.map((value, i) => (value / (1 + Math.exp(-value))) * (up[i] ?? 0));
      const down = linear(inner, `${name}.mlp.down_proj`, hiddenSize, false);
      return middle.map((value, i) => value + (down[i] ?? 0));
    });
  }
  const head = config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head';
  return states.map((x) => {
    const logits = linear(norm(x, 'model.norm'), head, config.vocabSize, false).map((value) => value / temperature);
    const top = Math.max(...logits);
    const total = top + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0));
    return logits.map((value) => value - total);
  });
}
