import { Template } from '@huggingface/jinja';
import type { Message, PrivilegedKind } from '../../records/records.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import type { PrivilegedContext, PrivilegedPiece } from '../store.js';

/**
 * What a template may name. `question`: the student's last user message. `reference`, `trace`, `documents`: the pieces of one kind.
 * `context`: all pieces. A field without pieces is the empty string.
 */
const fields = ['question', 'context', 'reference', 'trace', 'documents'] as const;
type Field = (typeof fields)[number];

const fieldOf: Readonly<Record<PrivilegedKind, Field>> = {
  reference: 'reference',
  trace: 'trace',
  document: 'documents',
};

/** The teacher's wording of the last user message. */
export interface TeacherTemplate {
  /** Content hash; goes into every teacher score. */
  readonly hash: string;
  readonly fields: ReadonlySet<string>;
  render(values: Readonly<Record<Field, string>>): string;
}

/** The task, then what is known about it, then the request to reason as if it were not known. */
export const defaultTemplateText = `{{ question }}

{% if reference %}For your eyes only, the correct final answer:
{{ reference }}

{% endif %}{% if trace %}For your eyes only, a solution that was worked out before:
{{ trace }}

{% endif %}{% if documents %}For your eyes only, passages that bear on the task:
{{ documents }}

{% endif %}Make sure that you understand why this material is right. Then solve the task from the beginning in your own words and reach your own conclusion, without referring to the material.`;

/**
 * Reads a template of the teacher's prompt: Jinja text over the fields `question`, `context`, `reference`, `trace`, `documents`.
 * @param source Where the text is from, for error messages.
 * @throws {UserError} `template-syntax`, `template-field` (a name that is no field), `template-no-question`, `template-no-context`.
 * @example parseTemplate('{{ question }}\nHint: {{ trace }}\n', 'pipeline.yaml: teach.template')
 */
export function parseTemplate(text: string, source: string): TeacherTemplate {
  const parsed = compile(text, source);
  const used = freeNames(parsed.parsed);
  for (const name of used) {
    if ((fields as readonly string[]).includes(name)) continue;
    const meant = nearest(name, fields);
    throw new UserError(
      'template-field',
      `${source}: found the field {{ ${name} }}, expected one of ${fields.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`,
    );
  }
  if (!used.has('question')) {
    throw new UserError('template-no-question', `${source}: no place for the task, expected {{ question }}`);
  }
  if (used.size < 2) {
    throw new UserError(
      'template-no-context',
      `${source}: no place for the privileged context, expected {{ context }}, or {{ reference }}, {{ trace }} or {{ documents }}`,
    );
  }
  const render = (values: Readonly<Record<Field, string>>): string => parsed.render(values);
  try {
    render({ question: '1', context: '2', reference: '3', trace: '4', documents: '5' });
  } catch (error) {
    throw new UserError('template-syntax', `${source}: cannot be rendered (${messageOf(error)})`);
  }
  return { hash: templateHash(text), fields: used, render: (values) => guarded(() => render(values), source) };
}

/** What fails with the texts of one prompt says so without them: the renderer's message may quote what it was given. */
function guarded(render: () => string, source: string): string {
  try {
    return render();
  } catch (error) {
    const name = error instanceof Error ? error.name : 'error';
    throw new UserError(
      'template-failed',
      `${source}: cannot be rendered with the context of this prompt (the renderer says ${name})`,
    );
  }
}

/** Content hash of a template's text. */
export function templateHash(text: string): string {
  return digest('teacher-template', text);
}

/**
 * The student's messages with the last user message rewritten by the template; the roles and all other messages stay, so the answer
 * starts at the same place and the same completion ids follow. Without any pieces the messages are the student's own: that is the
 * control arm whose teacher knows nothing more.
 * @throws {UserError} `template-no-context` when there is a piece that the template has no place for.
 */
export function renderTeacher(
  template: TeacherTemplate,
  messages: readonly Message[],
  context: PrivilegedContext,
): readonly Message[] {
  if (context.pieces.length === 0) return messages;
  const at = messages.findLastIndex((message) => message.role === 'user');
  const asked = messages[at];
  if (!asked)
    throw new UserError('no-user-message', 'the prompt has no user message that the teacher could be shown context in');
  checkKinds(template, new Set(context.pieces.map((piece) => piece.kind)), 'the teacher template');
  const shown = (kind?: PrivilegedKind): string =>
    context.pieces
      .filter((piece) => piece.content !== '' && (kind === undefined || piece.kind === kind))
      .map(withTitle)
      .join('\n\n');
  const content = template.render({
    question: asked.content,
    context: shown(),
    reference: shown('reference'),
    trace: shown('trace'),
    documents: shown('document'),
  });
  return messages.with(at, { role: 'user', content });
}

/**
 * To be asked before start, with the kinds of context that a pipeline declares.
 * @throws {UserError} `template-no-context` when a kind has no place in the template.
 */
export function checkKinds(template: TeacherTemplate, kinds: Iterable<PrivilegedKind>, source: string): void {
  if (template.fields.has('context')) return;
  for (const kind of kinds) {
    if (template.fields.has(fieldOf[kind])) continue;
    throw new UserError(
      'template-no-context',
      `${source}: no place for context of kind ${kind}, expected {{ ${fieldOf[kind]} }} or {{ context }}`,
    );
  }
}

/**
 * To be asked before start: can the template's own wording, the context budget and an answer stand in the model's window together?
 * @param room Tokens left for the task itself; what a longer task needs is found when it is encoded.
 * @throws {UserError} `template-too-long`
 */
export function checkWindow(
  template: TeacherTemplate,
  window: {
    readonly countTokens: (text: string) => number;
    readonly contextTokens: number;
    readonly maxTokens: number;
    readonly contextLength: number;
  },
  source: string,
): void {
  const mark = '.';
  const wording = window.countTokens(
    template.render({ question: mark, context: mark, reference: mark, trace: mark, documents: mark }),
  );
  const needed = wording + window.contextTokens + window.maxTokens;
  if (needed <= window.contextLength) return;
  throw new UserError(
    'template-too-long',
    `${source}: ${wording} tokens of wording, ${window.contextTokens} of context and ${window.maxTokens} of answer make ${needed}, ` +
      `expected at most the model's ${window.contextLength}`,
  );
}

function withTitle(piece: PrivilegedPiece): string {
  return piece.kind === 'document' && piece.title !== '' ? `${piece.title}:\n${piece.content}` : piece.content;
}

function compile(text: string, source: string): Template {
  try {
    return new Template(text);
  } catch (error) {
    throw new UserError('template-syntax', `${source}: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Names that a template reads and does not set itself. */
function freeNames(program: Template['parsed']): ReadonlySet<string> {
  const read = new Set<string>();
  const bound = new Set<string>(['loop', 'true', 'false', 'none', 'namespace', 'range']);
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (node instanceof Map) visit([...node]);
    else if (isNode(node)) visitNode(node);
  };
  const visitNode = (node: Record<string, unknown>): void => {
    if (node.type === 'Identifier') read.add(String(node.value));
    else
      for (const [name, child] of Object.entries(node)) {
        if (namesNoField(node, name)) continue;
        if (node.type === 'For' && name === 'loopvar') bind(child);
        else if (node.type === 'Set' && name === 'assignee') bind(child);
        else visit(child);
      }
  };
  const bind = (target: unknown): void => {
    if (!isNode(target)) return;
    if (target.type === 'Identifier') bound.add(String(target.value));
    else if (Array.isArray(target.value)) target.value.forEach(bind);
    else visit(target);
  };
  visit(program);
  return new Set([...read].filter((name) => !bound.has(name)));
}

/** Children that are operators, or names of filters, tests, properties or arguments. */
function namesNoField(node: Record<string, unknown>, child: string): boolean {
  const named = isNode(node[child]) && node[child].type === 'Identifier';
  return (
    child === 'operator' ||
    (node.type === 'MemberExpression' && child === 'property' && node.computed === false) ||
    (node.type === 'FilterExpression' && child === 'filter' && named) ||
    (node.type === 'TestExpression' && child === 'test') ||
    (node.type === 'KeywordArgumentExpression' && child === 'key')
  );
}

function isNode(value: unknown): value is Record<string, unknown> & { type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
