import { at } from '../../../support/required.js';
import { type Message, message } from './proto.js';

export type ElementType = 'float32' | 'float64' | 'int64';

/** An input or output of a graph. A dimension is a fixed size, or a name where it differs from run to run. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

/** A serialized ONNX model, its inputs and outputs. Inputs that no output depends on are left out. */
export interface Graph {
  readonly model: Uint8Array;
  readonly inputs: readonly TensorSpec[];
  /** Tensors whose values a session is opened with. */
  readonly constants: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Name of a tensor inside the graph. */
export type Value = string;

/** An attribute: a string, a list of integers, a float (marked, since JavaScript has one number type) or an integer. */
export type Attribute = string | number | readonly number[] | { readonly float: number };

/**
 * The part of a parameter's gradient that touches only some of its rows: `rows` [n, columns] belong at `indices` [n].
 */
export interface SparseRows {
  readonly indices: Value;
  readonly rows: Value;
}
export type Gradient = Value | SparseRows;

/** How the gradient of an output flows back: given dL/d(output), dL/d(input) for each named input. */
interface TapeEntry {
  readonly output: Value;
  readonly backward: (gradient: Value) => readonly (readonly [input: Value, gradient: Gradient])[];
}

export interface Builder {
  input(name: string, type: ElementType, dims: readonly (number | string)[]): Value;
  /** A float32 tensor that is the same in all runs; the graph names it and does not contain its values. */
  constant(name: string, dims: readonly number[]): Value;
  /** The same constant twice is one tensor. */
  floats(values: readonly number[] | Float32Array, dims?: readonly number[]): Value;
  doubles(values: readonly number[], dims?: readonly number[]): Value;
  ints(values: readonly number[], dims?: readonly number[]): Value;
  node(op: string, inputs: readonly Value[], attributes?: Readonly<Record<string, Attribute>>): Value;
  nodes(
    op: string,
    inputs: readonly Value[],
    outputs: number,
    attributes?: Readonly<Record<string, Attribute>>,
  ): Value[];
  output(name: string, value: Value, dims: readonly (number | string)[], type?: ElementType): void;
  /** Records the gradient of an operation; operations inside `backward` are not recorded themselves. */
  record(output: Value, backward: TapeEntry['backward']): Value;
  readonly tape: readonly TapeEntry[];
  build(): Graph;
}

interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

// Numbers of onnx.proto, which fixes the format.
const elementTypes = { float32: 1, float64: 11, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
const externalData = 1;
const irVersion = 10;
const opsetVersion = 23;

function encodeAttribute(name: string, value: Attribute): Message {
  const attribute = message().bytes(1, name);
  if (typeof value === 'string') return attribute.bytes(4, value).integer(20, attributeTypes.string);
  if (typeof value === 'number') return attribute.integer(3, value).integer(20, attributeTypes.int);
  if ('float' in value) return attribute.float(2, value.float).integer(20, attributeTypes.float);
  for (const item of value) attribute.integer(8, item);
  return attribute.integer(20, attributeTypes.ints);
}

function encodeNode(node: Node): Message {
  const encoded = message();
  for (const input of node.inputs) encoded.bytes(1, input);
  for (const output of node.outputs) encoded.bytes(2, output);
  encoded.bytes(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) encoded.message(5, encodeAttribute(name, value));
  return encoded;
}

function encodeSpec(spec: TensorSpec): Message {
  const shape = message();
  for (const dim of spec.dims) {
    shape.message(1, typeof dim === 'number' ? message().integer(1, dim) : message().bytes(2, dim));
  }
  const tensor = message().integer(1, elementTypes[spec.type]).message(2, shape);
  return message().bytes(1, spec.name).message(2, message().message(1, tensor));
}

/** A tensor whose bytes the runtime is given under the tensor's own name, so that the graph stays small. */
function encodeExternal({ name, type, dims }: TensorSpec): Message {
  const tensor = message();
  for (const dim of dims) tensor.integer(1, Number(dim));
  tensor.integer(2, elementTypes[type]).bytes(8, name);
  return tensor.message(13, message().bytes(1, 'location').bytes(2, name)).integer(14, externalData);
}

/** The nodes that the outputs depend on, in order, and every tensor that these read. */
function reachable(nodes: readonly Node[], outputs: readonly TensorSpec[]) {
  const used = new Set(outputs.map((spec) => spec.name));
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    for (const input of node.inputs) used.add(input);
    kept.push(node);
  }
  return { nodes: kept.reverse(), used };
}

/** Starts an empty graph of standard ONNX operators. Nodes must be added after what they read. */
export function createBuilder(): Builder {
  const inputs: TensorSpec[] = [];
  const external: TensorSpec[] = [];
  const outputs: TensorSpec[] = [];
  const nodes: Node[] = [];
  const tape: TapeEntry[] = [];
  // An output is its node's tensor under another name: an Identity would copy whole gradients.
  const renamed = new Map<Value, string>();
  const constants = new Map<string, { name: Value; encoded: Message }>();
  let count = 0;

  const constant = (
    type: ElementType,
    values: Float32Array | Float64Array | BigInt64Array,
    dims: readonly number[],
  ): Value => {
    const key = `${type}:${dims}:${values}`;
    const known = constants.get(key);
    if (known) return known.name;
    const name = `constant.${constants.size}`;
    const encoded = message();
    for (const dim of dims) encoded.integer(1, dim);
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    encoded.integer(2, elementTypes[type]).bytes(8, name).bytes(9, raw);
    constants.set(key, { name, encoded });
    return name;
  };

  const builder: Builder = {
    tape,
    input(name, type, dims) {
      inputs.push({ name, type, dims });
      return name;
    },
    constant(name, dims) {
      external.push({ name, type: 'float32', dims });
      return name;
    },
    floats: (values, dims = [values.length]) => constant('float32', Float32Array.from(values), dims),
    doubles: (values, dims = [values.length]) => constant('float64', Float64Array.from(values), dims),
    ints: (values, dims = [values.length]) => constant('int64', BigInt64Array.from(values, BigInt), dims),
    nodes(op, inputs, outputCount, attributes = {}) {
      const outputs = Array.from({ length: outputCount }, () => `${op}.${count++}`);
      nodes.push({ op, inputs, outputs, attributes });
      return outputs;
    },
    node: (op, inputs, attributes) => at(builder.nodes(op, inputs, 1, attributes), 0),
    output(name, value, dims, type = 'float32') {
      const made = nodes.some((node) => node.outputs.includes(value));
      if (!made || renamed.has(value)) throw new Error(`output ${name} needs a node of its own`);
      renamed.set(value, name);
      outputs.push({ name, type, dims });
    },
    record(output, backward) {
      tape.push({ output, backward });
      return output;
    },
    build() {
      const rename = (value: Value): Value => renamed.get(value) ?? value;
      const named = nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      }));
      const live = reachable(named, outputs);
      const liveInputs = inputs.filter((spec) => live.used.has(spec.name));
      const liveExternal = external.filter((spec) => live.used.has(spec.name));
      const graph = message();
      for (const node of live.nodes) graph.message(1, encodeNode(node));
      graph.bytes(2, 'policy');
      for (const { name, encoded } of constants.values()) if (live.used.has(name)) graph.message(5, encoded);
      for (const spec of liveExternal) graph.message(5, encodeExternal(spec));
      for (const spec of liveInputs) graph.message(11, encodeSpec(spec));
      for (const spec of outputs) graph.message(12, encodeSpec(spec));
      const model = message().integer(1, irVersion).message(7, graph).message(8, message().integer(2, opsetVersion));
      return { model: model.finish(), inputs: liveInputs, constants: liveExternal, outputs };
    },
  };
  return builder;
}
