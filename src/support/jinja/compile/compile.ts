import { TemplateError } from '../errors.js';
import { compileTarget, type Execute, type Place, write } from '../execute.js';
import { entry, reader } from '../frame.js';
import type { Body, Statement, Target } from '../parse/ast.js';
import { spendSteps } from '../runtime/budget.js';
import { textOf } from '../runtime/text.js';
import { isTrue, Namespace } from '../runtime/values.js';
import { compileExpression, compileFilter, type Evaluate } from './expression.js';
import { compileFor } from './for.js';
import { compileCallBlock, compileGeneration, compileMacro } from './macro.js';
import {
  analyseBody,
  analyseExpression,
  analyseTarget,
  conditional,
  innerSymbols,
  type Symbols,
  slotOf,
} from './symbols.js';

export function compileBody(body: Body, place: Place): Execute {
  const statements = body.map((statement) => compileStatement(statement, place));
  return (frame, out) => {
    for (const execute of statements) {
      const signal = execute(frame, out);
      if (signal) return signal;
    }
    return undefined;
  };
}

/** Names the line of what fails while it is compiled or executed. */
function compileStatement(statement: Statement, place: Place): Execute {
  const located = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      if (error instanceof TemplateError && !/^line \d/.test(error.message))
        error.message = `line ${statement.line}: ${error.message}`;
      throw error;
    }
  };
  const execute = located(() => compileKind(statement, place));
  return (frame, out) => {
    spendSteps();
    return located(() => execute(frame, out));
  };
}

function compileKind(statement: Statement, place: Place): Execute {
  const { symbols } = place;
  switch (statement.kind) {
    case 'text':
      return (_, out) => write(out, statement.text);
    case 'print': {
      const values = statement.values.map((value) => compileExpression(value, symbols));
      return (frame, out) => {
        for (const value of values) write(out, textOf(value(frame)));
        return undefined;
      };
    }
    case 'if': {
      const inBranch = { ...place, symbols: conditional(symbols) };
      const branches = [statement, ...statement.elseIfs].map(
        ({ test, body }) => [compileExpression(test, inBranch.symbols), compileBody(body, inBranch)] as const,
      );
      const otherwise = compileBody(statement.otherwise, inBranch);
      return (frame, out) => (branches.find(([test]) => isTrue(test(frame)))?.[1] ?? otherwise)(frame, out);
    }
    case 'for':
      return compileFor(statement, place, compileBody);
    case 'set':
      return compileSet(statement.target, compileExpression(statement.value, symbols), symbols);
    case 'capture':
      return compileCapture(statement, place);
    case 'with':
      return compileWith(statement, place);
    case 'macro':
      return compileMacro(statement, place, compileBody);
    case 'call':
      return compileCallBlock(statement, place, compileBody);
    case 'generation':
      return compileGeneration(statement, place, compileBody);
    case 'filterBlock':
      return compileFilterBlock(statement, place);
    default:
      if (!place.inLoop) throw new TemplateError(`{% ${statement.kind} %} outside a loop`);
      return () => statement.kind;
  }
}

/** Namespaces that a target assigns to are checked before its value is evaluated. */
function compileSet(target: Target, value: Evaluate, symbols: Symbols): Execute {
  const namespaces = memberNames(target).map((name) => reader(slotOf(symbols, name), symbols.scope));
  const assign = compileTarget(target, symbols);
  return (frame) => {
    for (const read of namespaces)
      if (!(read(frame) instanceof Namespace))
        throw new TemplateError('only a namespace takes assignments to attributes');
    assign(frame, value(frame));
    return undefined;
  };
}

const memberNames = (target: Target): readonly string[] =>
  target.kind === 'tuple' ? target.items.flatMap(memberNames) : target.kind === 'member' ? [target.name] : [];

function compileCapture(statement: Extract<Statement, { kind: 'capture' }>, { symbols, inLoop }: Place): Execute {
  const inner = innerSymbols(symbols);
  analyseBody(inner, statement.body);
  const body = compileBody(statement.body, { symbols: inner, inLoop });
  const captured: { text: string } = { text: '' };
  const filter = statement.filter && compileFilter(statement.filter, inner, () => captured.text);
  const enter = entry(inner);
  const assign = compileTarget(statement.target, symbols);
  return (frame) => {
    enter(frame);
    const out: string[] = [];
    const signal = body(frame, out);
    if (signal) return signal;
    captured.text = out.join('');
    assign(frame, filter ? filter(frame) : captured.text);
    return undefined;
  };
}

function compileFilterBlock(
  statement: Extract<Statement, { kind: 'filterBlock' }>,
  { symbols, inLoop }: Place,
): Execute {
  const inner = innerSymbols(symbols);
  analyseBody(inner, statement.body);
  analyseExpression(inner, statement.filter);
  const body = compileBody(statement.body, { symbols: inner, inLoop });
  const captured: { text: string } = { text: '' };
  const filter = compileFilter(statement.filter, inner, () => captured.text);
  const enter = entry(inner);
  return (frame, out) => {
    enter(frame);
    const inside: string[] = [];
    const signal = body(frame, inside);
    if (signal) return signal;
    captured.text = inside.join('');
    return write(out, textOf(filter(frame)));
  };
}

function compileWith(statement: Extract<Statement, { kind: 'with' }>, { symbols, inLoop }: Place): Execute {
  const inner = innerSymbols(symbols);
  for (const target of statement.targets) analyseTarget(inner, target, true);
  analyseBody(inner, statement.body);
  const values = statement.values.map((value) => compileExpression(value, symbols));
  const targets = statement.targets.map((target) => compileTarget(target, inner));
  const body = compileBody(statement.body, { symbols: inner, inLoop });
  const enter = entry(inner);
  return (frame, out) => {
    enter(frame);
    for (const [i, value] of values.entries()) targets[i]?.(frame, value(frame));
    return body(frame, out);
  };
}
