import { TemplateError } from '../errors.js';
import { type CompileBody, compileTarget, type Execute, type Place } from '../execute.js';
import { entry, type Frame, frameOf, writer } from '../frame.js';
import type { ForStatement } from '../parse/ast.js';
import { nestedCall, spendSteps } from '../runtime/budget.js';
import { isTrue, iterate, Loop, Stream, type Value } from '../runtime/values.js';
import { compileExpression } from './expression.js';
import {
  analyseBody,
  analyseExpression,
  analyseTarget,
  declareParameter,
  functionScope,
  innerSymbols,
  type Symbols,
  slotOf,
  undeclared,
} from './symbols.js';

/** A loop in its own names; a recursive one is a function of its own, which `loop(…)` calls. */
export function compileFor(statement: ForStatement, { symbols, inLoop }: Place, compileBody: CompileBody): Execute {
  const scope = statement.recursive ? functionScope(symbols.scope) : symbols.scope;
  const inner = innerSymbols(symbols, scope);
  const hasLoop = statement.recursive || undeclared(statement.body, ['loop']).size > 0;
  if (hasLoop) declareParameter(inner, 'loop');
  analyseTarget(inner, statement.target, true);
  analyseBody(inner, statement.body);
  if (hasLoop && assignsLoop(statement)) throw new TemplateError('the name loop cannot be assigned in a loop');
  const otherwiseSymbols = innerSymbols(symbols, scope);
  analyseBody(otherwiseSymbols, statement.otherwise);

  const filter = compileLoopFilter(statement, symbols, scope);
  const setLoop = hasLoop ? writer(slotOf(inner, 'loop'), scope) : undefined;
  const assign = compileTarget(statement.target, inner);
  const body = compileBody(statement.body, { symbols: inner, inLoop: true });
  const enter = entry(inner);
  const otherwise = compileBody(statement.otherwise, {
    symbols: otherwiseSymbols,
    inLoop: inLoop && !statement.recursive,
  });
  const enterOtherwise = entry(otherwiseSymbols);

  const run = (frame: Frame, out: string[], items: Value, depth0: number, recurse?: Loop['recurse']) => {
    const source = filter ? filter(frame, items) : items;
    const loop = new Loop(source, iterate(source), depth0, recurse);
    setLoop?.(frame, undefined);
    let isEmpty = true;
    for (let next = loop.advance(); next; next = loop.advance()) {
      spendSteps();
      setLoop?.(frame, loop);
      assign(frame, next.value);
      enter(frame);
      const signal = body(frame, out);
      if (signal === 'break') break;
      // As in Jinja, a loop whose every pass ends early has its else block rendered.
      if (signal !== 'continue') isEmpty = false;
    }
    if (!isEmpty || statement.otherwise.length === 0) return undefined;
    enterOtherwise(frame);
    return otherwise(frame, out);
  };

  const iterable = compileExpression(statement.iterable, symbols);
  if (!statement.recursive) return (frame, out) => run(frame, out, iterable(frame), 0);
  return (outer, out) => {
    const recurse = (items: Value, depth0: number): string =>
      nestedCall(() => {
        const text: string[] = [];
        run(frameOf(scope, outer), text, items, depth0, recurse);
        return text.join('');
      });
    out.push(recurse(iterable(outer), 0));
    return undefined;
  };
}

/** `for … if test`: a generator, so that the test of an item runs when the loop reaches it. */
function compileLoopFilter(statement: ForStatement, symbols: Symbols, scope: Symbols['scope']) {
  if (!statement.filter) return undefined;
  const inner = innerSymbols(symbols, functionScope(scope));
  analyseTarget(inner, statement.target, true);
  analyseExpression(inner, statement.filter);
  const assign = compileTarget(statement.target, inner);
  const test = compileExpression(statement.filter, inner);
  const enter = entry(inner);
  return (outer: Frame, items: Value): Value => {
    function* kept(): Generator<Value> {
      const frame = frameOf(inner.scope, outer);
      enter(frame);
      for (const item of iterate(items)) {
        assign(frame, item);
        if (isTrue(test(frame))) yield item;
      }
    }
    return new Stream(kept());
  };
}

/** Whether `loop` is a target anywhere in the loop, which Jinja refuses where the body reads it. */
function assignsLoop(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(assignsLoop);
  if (typeof node !== 'object' || node === null) return false;
  return Object.entries(node).some(([key, child]) =>
    key === 'target' || key === 'targets' ? namesLoop(child) : assignsLoop(child),
  );
}

const namesLoop = (target: unknown): boolean =>
  Array.isArray(target)
    ? target.some(namesLoop)
    : typeof target === 'object' &&
      target !== null &&
      (('name' in target && 'kind' in target && target.kind === 'name' && target.name === 'loop') ||
        ('items' in target && namesLoop(target.items)));
