import { UnsupportedError } from '../errors.js';
import type { Body, Expression, Signature, Statement, Target } from './ast.js';
import { blockFilters, filterTag, grammarOf, target, tuple } from './expression.js';
import { tokenize } from './lexer.js';
import type { Grammar } from './primary.js';
import { describe, type TokenStream, tokenStream } from './token-stream.js';

const noSignature: Signature = { parameters: [], defaults: [] };
/** Tags of Jinja that compose files, of which a model has one, or escape HTML. */
const unsupported = ['block', 'extends', 'include', 'import', 'from', 'autoescape'];

interface Parser {
  readonly tokens: TokenStream;
  readonly grammar: Grammar;
  /** Statements up to one of these tags, whose name is the current token afterwards; up to the end without tags. */
  body(...ends: readonly string[]): Body;
}

/** @throws {TemplateError} with the line; `UnsupportedError` for a tag that is refused */
export function parse(template: string): Body {
  const tokens = tokenStream(tokenize(template));
  const grammar = grammarOf(tokens);
  const parser: Parser = {
    tokens,
    grammar,
    body: (...ends) => {
      if (ends.length > 0) {
        tokens.skip(':');
        tokens.expectType('block-end');
      }
      return tokens.nested(() => statements(parser, ends));
    },
  };
  return parser.body();
}

function statements(parser: Parser, ends: readonly string[]): Body {
  const { tokens, grammar } = parser;
  const found: Statement[] = [];
  for (;;) {
    const token = tokens.current;
    const { line } = token;
    if (token.type === 'end') {
      if (ends.length > 0) tokens.fail(`unexpected end of the template; expected {% ${ends.join(' %} or {% ')} %}`);
      return found;
    }
    tokens.next();
    if (token.type === 'text') found.push({ kind: 'text', text: token.value, line });
    else if (token.type === 'variable-begin') {
      found.push({ kind: 'print', values: [tuple(grammar)], line });
      tokens.expectType('variable-end');
    } else if (token.type === 'block-begin') {
      if (ends.some((end) => tokens.is(end))) return found;
      found.push(statement(parser, line));
      tokens.expectType('block-end');
    } else tokens.fail(`unexpected ${describe(token)}`);
  }
}

function statement(parser: Parser, line: number): Statement {
  const { tokens } = parser;
  const tag = tokens.expectName();
  if (unsupported.includes(tag)) throw new UnsupportedError(`line ${line}: {% ${tag} %} is not supported`);
  const parseTag = Object.hasOwn(tags, tag) ? tags[tag] : undefined;
  if (!parseTag) return tokens.fail(`unknown tag {% ${tag} %}`);
  return parseTag(parser, line);
}

const tags: Readonly<Record<string, (parser: Parser, line: number) => Statement>> = {
  for: parseFor,
  if: parseIf,
  set: parseSet,
  with: parseWith,
  macro: ({ tokens, grammar, body }, line) => {
    const name = tokens.expectName();
    const parsed = signature(tokens, grammar);
    return { kind: 'macro', name, signature: parsed, body: closed(tokens, body, 'endmacro'), line };
  },
  call: ({ tokens, grammar, body }, line) => {
    const parsed = tokens.is('(') ? signature(tokens, grammar) : noSignature;
    const call = grammar.expression();
    if (call.kind !== 'call') return tokens.fail('{% call %}: expected a call');
    return { kind: 'call', signature: parsed, call, body: closed(tokens, body, 'endcall'), line };
  },
  filter: ({ tokens, grammar, body }, line) => {
    const filter = filterTag(grammar);
    return { kind: 'filterBlock', filter, body: closed(tokens, body, 'endfilter'), line };
  },
  generation: ({ tokens, body }, line) => ({
    kind: 'generation',
    signature: noSignature,
    body: closed(tokens, body, 'endgeneration'),
    line,
  }),
  print: ({ tokens, grammar }, line) => {
    const values: Expression[] = [];
    while (tokens.current.type !== 'block-end') {
      if (values.length > 0) tokens.expect(',');
      values.push(grammar.expression());
    }
    return { kind: 'print', values, line };
  },
  break: (_, line) => ({ kind: 'break', line }),
  continue: (_, line) => ({ kind: 'continue', line }),
};

/** A body and its end tag. */
function closed(tokens: TokenStream, body: Parser['body'], end: string): Body {
  const parsed = body(end);
  tokens.expect(end);
  return parsed;
}

function parseFor({ tokens, grammar, body }: Parser, line: number): Statement {
  const item = target(tokens, { until: 'in' });
  tokens.expect('in');
  const iterable = tuple(grammar, { isConditional: false, until: 'recursive' });
  const filter = tokens.skip('if') ? grammar.expression() : undefined;
  const recursive = tokens.skip('recursive');
  const repeated = body('endfor', 'else');
  const otherwise = tokens.skip('else') ? body('endfor') : [];
  tokens.expect('endfor');
  return { kind: 'for', target: item, iterable, filter, recursive, body: repeated, otherwise, line };
}

function parseIf({ tokens, grammar, body }: Parser, line: number): Statement {
  const branch = () => ({
    test: tuple(grammar, { isConditional: false }),
    body: body('elif', 'else', 'endif'),
  });
  const first = branch();
  const elseIfs: ReturnType<typeof branch>[] = [];
  while (tokens.skip('elif')) elseIfs.push(branch());
  const otherwise = tokens.skip('else') ? body('endif') : [];
  tokens.expect('endif');
  return { kind: 'if', ...first, elseIfs, otherwise, line };
}

function parseSet({ tokens, grammar, body }: Parser, line: number): Statement {
  const assigned = target(tokens, { members: true });
  if (tokens.skip('=')) return { kind: 'set', target: assigned, value: tuple(grammar), line };
  const filter = blockFilters(grammar);
  return { kind: 'capture', target: assigned, filter, body: closed(tokens, body, 'endset'), line };
}

function parseWith({ tokens, grammar, body }: Parser, line: number): Statement {
  const targets: Target[] = [];
  const values: Expression[] = [];
  while (tokens.current.type !== 'block-end') {
    if (targets.length > 0) tokens.expect(',');
    targets.push(target(tokens));
    tokens.expect('=');
    values.push(grammar.expression());
  }
  return { kind: 'with', targets, values, body: closed(tokens, body, 'endwith'), line };
}

function signature(tokens: TokenStream, grammar: Grammar): Signature {
  const parameters: string[] = [];
  const defaults: Expression[] = [];
  tokens.expect('(');
  while (!tokens.is(')')) {
    if (parameters.length > 0) tokens.expect(',');
    const name = tokens.expectName();
    if (parameters.includes(name)) tokens.fail(`the parameter ${name} is declared twice`);
    parameters.push(name);
    if (tokens.skip('=')) defaults.push(grammar.expression());
    else if (defaults.length > 0) tokens.fail(`the parameter ${name} without a default follows one with a default`);
  }
  tokens.expect(')');
  return { parameters, defaults };
}
