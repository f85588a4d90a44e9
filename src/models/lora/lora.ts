import { type ModelConfig, parameterShapes } from '../config.js';
import type { Tensors } from '../safetensors.js';

/** The linear projections of a layer that can have an adapter, by the last part of their names. */
export const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

export type Projection = (typeof projections)[number];

/**
 * Low-rank adapters over a frozen model (LoRA, Hu et al. 2021, arXiv 2106.09685): an adapted projection gives
 * `W x + scale * B A x`, with A [rank, in] and B [out, rank].
 */
export interface Lora {
  readonly rank: number;
  readonly alpha: number;
  /** Scales by alpha / sqrt(rank), as rank-stabilized LoRA does (arXiv 2312.03732), rather than alpha / rank. */
  readonly rslora: boolean;
  /** Adapted projections such as `model.layers.0.self_attn.q_proj`, in the model's order. */
  readonly modules: readonly string[];
}

/** An adapter with its values, float32, under the names of `adapterShapes`. */
export interface Adapter {
  readonly lora: Lora;
  readonly parameters: Tensors;
}

/** An architecture, and the adapters over it where it has some. */
export interface AdaptedConfig extends ModelConfig {
  readonly lora?: Lora;
}

export const loraScale = ({ rank, alpha, rslora }: Lora): number => alpha / (rslora ? Math.sqrt(rank) : rank);

/** Names of an adapted projection's two matrices. */
export const adapterNames = (module: string): { readonly a: string; readonly b: string } => ({
  a: `${module}.lora_A.weight`,
  b: `${module}.lora_B.weight`,
});

/** Every projection of a model by its full name, with its shape [out, in]. */
export function projectionShapes(config: ModelConfig): Map<string, readonly [out: number, inputs: number]> {
  const found = new Map<string, readonly [number, number]>();
  for (const [name, [out, inputs]] of parameterShapes(config)) {
    const module = name.replace(/\.weight$/, '');
    if (name === module || out === undefined || inputs === undefined) continue;
    if (projections.some((projection) => module.endsWith(`.${projection}`))) found.set(module, [out, inputs]);
  }
  return found;
}

/** The projections of these kinds in all layers. */
export const modulesOf = (config: ModelConfig, targets: readonly Projection[]): string[] =>
  [...projectionShapes(config).keys()].filter((name) => targets.some((target) => name.endsWith(`.${target}`)));

/** The adapter's matrices by name, in the model's order. */
export function adapterShapes(config: ModelConfig, { rank, modules }: Lora): Map<string, number[]> {
  const adapted = new Set(modules);
  const shapes = new Map<string, number[]>();
  for (const [module, [out, inputs]] of projectionShapes(config)) {
    if (!adapted.has(module)) continue;
    const { a, b } = adapterNames(module);
    shapes.set(a, [rank, inputs]);
    shapes.set(b, [out, rank]);
  }
  return shapes;
}

/** Every tensor that the model is run with: its own and then the adapter's. */
export const adaptedShapes = (config: AdaptedConfig): Map<string, number[]> =>
  new Map([...parameterShapes(config), ...(config.lora ? adapterShapes(config, config.lora) : [])]);

/** Whether two adapters of one shape contain the same numbers. */
export const equalAdapters = (one: Adapter, two: Adapter): boolean =>
  [...one.parameters].every(([name, { data }]) =>
    data.every((value, i) => Object.is(value, two.parameters.get(name)?.data[i])),
  );

/** What is trained where nothing else is asked for: the adapter, or the whole model where it has none. */
export const trainedNames = (config: AdaptedConfig): string[] => [
  ...(config.lora ? adapterShapes(config, config.lora) : parameterShapes(config)).keys(),
];
