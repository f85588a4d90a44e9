import { TemplateError, UnsupportedError } from '../errors.js';
import { type CompileBody, type Execute, type Place, write } from '../execute.js';
import { entry, type Frame, frameOf, type Writer, writer } from '../frame.js';
import type { Body, CallStatement, MacroStatement, Signature, Statement } from '../parse/ast.js';
import { nestedCall } from '../runtime/budget.js';
import { noKeywords } from '../runtime/calls.js';
import { textOf } from '../runtime/text.js';
import { Callable, Dict, type Keywords, Tuple, Undefined, type Value } from '../runtime/values.js';
import { compileCall, compileExpression, type Evaluate } from './expression.js';
import {
  analyseBody,
  analyseSignature,
  declareParameter,
  functionScope,
  innerSymbols,
  slotOf,
  undeclared,
} from './symbols.js';

export function compileMacro(statement: MacroStatement, place: Place, compileBody: CompileBody): Execute {
  const make = compileFunction(statement, place, statement.name, compileBody);
  const assign = writer(slotOf(place.symbols, statement.name), place.symbols.scope);
  return (frame) => {
    assign(frame, make(frame));
    return undefined;
  };
}

export function compileCallBlock(statement: CallStatement, place: Place, compileBody: CompileBody): Execute {
  const caller = compileFunction(statement, place, 'caller', compileBody);
  const called = compileCall(statement.call, place.symbols, caller);
  return (frame, out) => write(out, textOf(called(frame)));
}

const specials = ['caller', 'kwargs', 'varargs'] as const;

/** `{% generation %}`: a call block whose caller is called once. */
export function compileGeneration(
  statement: Extract<Statement, { kind: 'generation' }>,
  place: Place,
  compileBody: CompileBody,
): Execute {
  const caller = compileFunction(statement, place, 'caller', compileBody);
  return (frame, out) => write(out, textOf(caller(frame).call([], noKeywords)));
}

/** A macro, or the body of a call block: a function with names of its own, made where its definition is reached. */
function compileFunction(
  { signature, body }: { readonly signature: Signature; readonly body: Body },
  { symbols }: Place,
  name: string,
  compileBody: CompileBody,
): (frame: Frame) => Callable {
  const { parameters, defaults } = signature;
  const inner = innerSymbols(symbols, functionScope(symbols.scope));
  analyseSignature(inner, signature);
  analyseBody(inner, body);
  const used = undeclared(body, specials);
  if (used.has('caller') && parameters.includes('caller'))
    throw new UnsupportedError(`a macro with a parameter named caller is not supported`);
  const special = specials.filter((one) => used.has(one) && !parameters.includes(one));
  for (const one of special) declareParameter(inner, one);
  const own = (one: string): Writer => writer(slotOf(inner, one), inner.scope);
  const setters = parameters.map(own);
  const setSpecial = special.map((one) => [one, own(one)] as const);
  const byDefault = parameters.map((parameter, i): Evaluate => {
    const value = defaults[i - parameters.length + defaults.length];
    return value ? compileExpression(value, inner) : () => new Undefined(`the parameter ${parameter} was not provided`);
  });
  const execute = compileBody(body, { symbols: inner, inLoop: false });
  const enter = entry(inner);
  return (defining) => {
    const call = (positional: readonly Value[], keywords: Keywords): Value => {
      const frame = frameOf(inner.scope, defining);
      const given = macroArguments(name, parameters, special, positional, keywords);
      enter(frame);
      for (const [i, set] of setters.entries()) set(frame, given.values[i]);
      for (const [one, set] of setSpecial) set(frame, given.special[one]);
      for (const [i, set] of setters.entries()) if (given.values[i] === undefined) set(frame, byDefault[i]?.(frame));
      const out: string[] = [];
      nestedCall(() => execute(frame, out));
      return out.join('');
    };
    return new Callable(name, call, true);
  };
}

interface MacroArguments {
  /** By parameter; `undefined` where its default applies. */
  readonly values: readonly (Value | undefined)[];
  readonly special: Readonly<Record<(typeof specials)[number], Value>>;
}

function macroArguments(
  name: string,
  parameters: readonly string[],
  special: readonly string[],
  positional: readonly Value[],
  keywords: Keywords,
): MacroArguments {
  const rest = new Map(keywords);
  const values = parameters.map((parameter, i) => {
    if (i < positional.length) return positional[i];
    const value = rest.get(parameter);
    rest.delete(parameter);
    return value;
  });
  let caller: Value = new Undefined('no caller is defined');
  if (special.includes('caller')) {
    caller = rest.get('caller') ?? caller;
    rest.delete('caller');
  }
  const [unknown] = rest.keys();
  if (unknown !== undefined && !special.includes('kwargs'))
    throw new TemplateError(`the macro ${name} takes no argument ${unknown}`);
  if (positional.length > parameters.length && !special.includes('varargs'))
    throw new TemplateError(`the macro ${name} takes at most ${parameters.length} arguments`);
  return {
    values,
    special: { caller, kwargs: new Dict(rest), varargs: new Tuple(positional.slice(parameters.length)) },
  };
}
