import type { Message, PrivilegedKind } from '../../records/records.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import { compileTemplate, type JinjaTemplate } from '../../support/jinja/index.js';
import type { PrivilegedContext, PrivilegedPiece } from '../store.js';

/**
 * Fields of a template. `question` is the student's last user message; `reference`, `trace` and `documents` are the
 * pieces of one kind; `context` is all pieces. A field without pieces is the empty string.
 */
const fields = ['question', 'context', 'reference', 'trace', 'documents'] as const;
type Field = (typeof fields)[number];

const fieldOf: Readonly<Record<PrivilegedKind, Field>> = {
  reference: 'reference',
  trace: 'trace',
  document: 'documents',
};

/** Rewrites the last user message for the teacher. */
export interface TeacherTemplate {
  /** Content hash, recorded with every teacher score. */
  readonly hash: string;
  readonly fields: ReadonlySet<string>;
  render(values: Readonly<Record<Field, string>>): string;
}

/** The task, then the privileged context, then the instruction to solve the task without referring to it. */
export const defaultTemplateText = `{{ question }}

{% if reference %}For your eyes only, the correct final answer:
{{ reference }}

{% endif %}{% if trace %}For your eyes only, a solution that was worked out before:
{{ trace }}

{% endif %}{% if documents %}For your eyes only, passages that bear on the task:
{{ documents }}

{% endif %}Make sure that you understand why this material is right. Then solve the task from the beginning in your own words and reach your own conclusion, without referring to the material.`;

/**
 * Parses the template of the teacher's prompt: Jinja with the fields `question`, `context`, `reference`, `trace` and
 * `documents`.
 * @param source where the text is from, for error messages
 * @throws {UserError} `template-syntax`, `template-field` for an unknown field, `template-no-question`,
 * `template-no-context`
 * @example parseTemplate('{{ question }}\nHint: {{ trace }}\n', 'pipeline.yaml: teach.template')
 */
export function parseTemplate(text: string, source: string): TeacherTemplate {
  const parsed = compile(text, source);
  const used = parsed.names;
  for (const name of used) {
    if ((fields as readonly string[]).includes(name)) continue;
    const meant = nearest(name, fields);
    throw new UserError(
      'template-field',
      `${source}: unknown field {{ ${name} }}; expected one of ` +
        `${fields.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`,
    );
  }
  if (!used.has('question')) {
    throw new UserError('template-no-question', `${source}: the task is missing; add {{ question }}`);
  }
  if (used.size < 2) {
    throw new UserError(
      'template-no-context',
      `${source}: the privileged context is missing; add {{ context }}, {{ reference }}, {{ trace }} or {{ ` +
        'documents }}',
    );
  }
  const render = (values: Readonly<Record<Field, string>>): string => parsed.render(values);
  try {
    render({ question: '1', context: '2', reference: '3', trace: '4', documents: '5' });
  } catch (error) {
    throw new UserError('template-syntax', `${source}: rendering failed: ${messageOf(error)}`);
  }
  return { hash: templateHash(text), fields: used, render: (values) => guarded(() => render(values), source) };
}

/** Hides the renderer's message, which may quote privileged text. */
function guarded(render: () => string, source: string): string {
  try {
    return render();
  } catch (error) {
    const name = error instanceof Error ? error.name : 'error';
    throw new UserError('template-failed', `${source}: rendering failed with this prompt's context (${name})`);
  }
}

/** Content hash of a template's text. */
export function templateHash(text: string): string {
  return digest('teacher-template', text);
}

/**
 * The student's messages with the last user message rewritten by the template. Roles and all other messages are
 * unchanged, so the completion follows with the same token ids. Without pieces the messages are the student's own, as
 * in the control arm whose teacher sees no context.
 * @throws {UserError} `template-no-context` for a piece whose kind the template does not show; `no-user-message`
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
    throw new UserError(
      'no-user-message',
      'messages: found no user message; expected one, which the teacher template rewrites',
    );
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
 * Checks, before a run starts, that the template shows every kind of context that the pipeline declares.
 * @throws {UserError} `template-no-context`
 */
export function checkKinds(template: TeacherTemplate, kinds: Iterable<PrivilegedKind>, source: string): void {
  if (template.fields.has('context')) return;
  for (const kind of kinds) {
    if (template.fields.has(fieldOf[kind])) continue;
    throw new UserError(
      'template-no-context',
      `${source}: context of kind ${kind} is not shown; add {{ ${fieldOf[kind]} }} or {{ context }}`,
    );
  }
}

/**
 * Checks, before a run starts, that the template's wording, the context budget and a completion fit into the model's
 * window. The length of a task is only known when it is encoded.
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
    `${source}: found ${needed} tokens (${wording} of wording, ${window.contextTokens} of context, ` +
      `${window.maxTokens} of completion), ` +
      `expected at most ${window.contextLength}, the model's context length`,
  );
}

function withTitle(piece: PrivilegedPiece): string {
  return piece.kind === 'document' && piece.title !== '' ? `${piece.title}:\n${piece.content}` : piece.content;
}

function compile(text: string, source: string): JinjaTemplate {
  try {
    return compileTemplate(text);
  } catch (error) {
    throw new UserError('template-syntax', `${source}: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
