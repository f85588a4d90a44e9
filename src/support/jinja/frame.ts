import { required } from '../required.js';
import type { FunctionScope, Slot, Symbols } from './compile/symbols.js';
import type { Value } from './runtime/values.js';

/** The variables of one call of a function scope. */
export interface Frame {
  readonly scope: FunctionScope;
  /** By slot; `undefined` where a variable has no value yet. */
  readonly values: (Value | undefined)[];
  readonly parent: Frame | undefined;
  /** What the template is rendered with, and the global functions. */
  readonly context: ReadonlyMap<string, Value>;
}

export const frameOf = (scope: FunctionScope, parent: Frame): Frame => ({
  scope,
  values: [],
  parent,
  context: parent.context,
});

/** How many functions out of the current one a slot is. */
export function depthOf(slot: Slot, from: FunctionScope): number {
  let depth = 0;
  for (let scope: FunctionScope | undefined = from; scope !== slot.scope; scope = scope.parent) {
    if (!scope) throw new Error('a slot outside the enclosing functions');
    depth++;
  }
  return depth;
}

export type Reader = (frame: Frame) => Value | undefined;
export type Writer = (frame: Frame, value: Value | undefined) => void;

function frameAt(frame: Frame, depth: number): Frame {
  let found = frame;
  for (let i = 0; i < depth; i++) found = required(found.parent, 'the frame of an enclosing function');
  return found;
}

export function reader(slot: Slot, from: FunctionScope): Reader {
  const depth = depthOf(slot, from);
  return (frame) => frameAt(frame, depth).values[slot.index];
}

export function writer(slot: Slot, from: FunctionScope): Writer {
  const depth = depthOf(slot, from);
  return (frame, value) => {
    frameAt(frame, depth).values[slot.index] = value;
  };
}

/** Sets the names of a block when it is entered. Their loads must be complete. */
export function entry(symbols: Symbols): (frame: Frame) => void {
  const { scope } = symbols;
  const steps: ((frame: Frame) => void)[] = [];
  for (const [slot, load] of symbols.loads) {
    const set = writer(slot, scope);
    if (load.kind === 'resolve') steps.push((frame) => set(frame, frame.context.get(load.name)));
    else if (load.kind === 'undefined') steps.push((frame) => set(frame, undefined));
    else if (load.kind === 'alias') {
      const read = reader(load.slot, scope);
      steps.push((frame) => set(frame, read(frame)));
    }
  }
  return (frame) => {
    for (const step of steps) step(frame);
  };
}
