import { type Symbols, slotOf } from './compile/symbols.js';
import { TemplateError } from './errors.js';
import { type Frame, reader, writer } from './frame.js';
import type { Body, Target } from './parse/ast.js';
import { spendCharacters } from './runtime/budget.js';
import { iterate, Namespace, type Value } from './runtime/values.js';

/** What ends a body early. */
export type Signal = 'break' | 'continue' | undefined;

/** Writes a statement's text. */
export type Execute = (frame: Frame, out: string[]) => Signal;

/** Where a statement is: its names, and whether a loop of the same function is around it. */
export interface Place {
  readonly symbols: Symbols;
  readonly inLoop: boolean;
}

/** Compiles the body of a statement. */
export type CompileBody = (body: Body, place: Place) => Execute;

export function write(out: string[], text: string): undefined {
  spendCharacters(text.length);
  out.push(text);
}

/** Assigns a value to names, and to attributes of namespaces. */
export function compileTarget(target: Target, symbols: Symbols): (frame: Frame, value: Value) => void {
  if (target.kind === 'name') return writer(slotOf(symbols, target.name), symbols.scope);
  if (target.kind === 'member') {
    const read = reader(slotOf(symbols, target.name), symbols.scope);
    return (frame, value) => {
      const namespace = read(frame);
      if (namespace instanceof Namespace) namespace.set(target.attribute, value);
    };
  }
  const targets = target.items.map((item) => compileTarget(item, symbols));
  return (frame, value) => {
    const values = [...iterate(value)];
    if (values.length !== targets.length)
      throw new TemplateError(`${targets.length} names are assigned ${values.length} values`);
    for (const [i, assign] of targets.entries()) assign(frame, values[i] ?? null);
  };
}
