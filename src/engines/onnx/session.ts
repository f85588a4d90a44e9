import type * as ort from 'onnxruntime-node';
import type { Tensor, Tensors } from '../../models/safetensors.js';
import { get } from '../../support/required.js';
import type { ElementType, Graph } from './graph/builder.js';
import { loadRuntime, type Runtime } from './runtime.js';

export interface SessionOptions {
  /** Threads per operator; 1 gives the same bits at any batch size. */
  readonly threads: number;
  /** Values of the graph's constants by name. The runtime keeps a copy, packed for its kernels. */
  readonly constants?: Tensors;
}

/** A tensor that a session reads or writes in place, without a copy. */
export type SessionTensor = Tensor<Float32Array | Float64Array | BigInt64Array>;

export interface Session {
  readonly graph: Graph;
  /**
   * Runs the graph once, on the calling thread: the event loop is blocked until it is done.
   * @param feeds by input name; names that the graph does not read are ignored
   * @param fetches buffers of the caller's for outputs, which saves a copy; other outputs are new tensors
   */
  run(
    feeds: ReadonlyMap<string, SessionTensor>,
    fetches?: ReadonlyMap<string, SessionTensor>,
  ): Promise<Map<string, SessionTensor>>;
  close(): Promise<void>;
}

const dataTypes = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array } as const;

function wrap(runtime: Runtime, name: string, type: ElementType, { data, shape }: SessionTensor): ort.Tensor {
  if (!(data instanceof dataTypes[type])) throw new TypeError(`${name}: expected ${type}`);
  return new runtime.Tensor(type, data, shape);
}

/**
 * Opens a runtime session, which takes 30 to 900 ms. Parameters that change are feeds, so one session serves every
 * version of the weights.
 */
export async function createSession(graph: Graph, { threads, constants }: SessionOptions): Promise<Session> {
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(graph.model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    externalData: graph.constants.map(({ name }) => {
      const { data } = get(constants ?? new Map(), name);
      return { path: name, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
    }),
  });
  // On small models wrapping costs more than the run itself, so a tensor that is fed again keeps its wrapper.
  const wrappers = new WeakMap<SessionTensor, ort.Tensor>();
  const wrapped = (name: string, type: ElementType, tensor: SessionTensor): ort.Tensor => {
    const known = wrappers.get(tensor) ?? wrap(runtime, name, type, tensor);
    wrappers.set(tensor, known);
    return known;
  };
  return {
    graph,
    async run(feeds, fetches) {
      const inputs: Record<string, ort.Tensor> = {};
      for (const { name, type } of graph.inputs) {
        const tensor = feeds.get(name);
        if (!tensor) throw new Error(`no feed for input ${name}`);
        inputs[name] = wrapped(name, type, tensor);
      }
      const outputs: Record<string, ort.Tensor | null> = {};
      for (const { name, type } of graph.outputs) {
        const tensor = fetches?.get(name);
        outputs[name] = tensor ? wrapped(name, type, tensor) : null;
      }
      const results = await session.run(inputs, outputs);
      const given = new Map<string, SessionTensor>();
      for (const { name, type } of graph.outputs) {
        const result = results[name];
        if (!result || !(result.data instanceof dataTypes[type])) throw new Error(`output ${name}: expected ${type}`);
        given.set(name, fetches?.get(name) ?? { data: result.data, shape: result.dims });
      }
      return given;
    },
    close: () => session.release(),
  };
}
