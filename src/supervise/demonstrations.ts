import type { SupervisedSample } from '../learner/samples.js';
import type { ChatTemplate } from '../models/chat-template.js';
import { messagesOf } from '../pipelines/spec/tasks.js';
import type { PrivilegedPiece } from '../privileged/store.js';
import { parseTemplate, renderTeacher, type TeacherTemplate } from '../privileged/template/template.js';
import type { Message } from '../records/records.js';
import type { SourceItem } from '../sources/source.js';
import { UserError } from '../support/errors.js';
import { compileTemplate, type JinjaTemplate } from '../support/jinja/index.js';
import type { Supervision } from './spec.js';

/** One conversation to imitate. */
export interface Demonstration {
  readonly messages: readonly Message[];
  readonly completion: string;
  /** The prompt that it is of, for messages. */
  readonly source: string;
}

/** Makes demonstrations of prompts, without a hint and with one. */
export interface Demonstrator {
  /** Columns of the prompts that the templates name. */
  readonly columns: readonly string[];
  readonly plain: (item: SourceItem) => Demonstration;
  /** undefined: the file has no `hinted`. */
  readonly hinted: ((item: SourceItem) => Demonstration) | undefined;
  /** Those of the two that the file has. */
  readonly kinds: readonly ((item: SourceItem) => Demonstration)[];
  /** A prompt with the hint of another one, or its own. @throws {UserError} `bad-prompt` without a trace */
  hintedMessages(item: SourceItem, hint?: SourceItem): readonly Message[];
}

/** What a template finds by name besides columns. */
const known = ['question', 'answer', 'trace'];

/** @throws {UserError} `bad-spec`, `template-…` for a template that cannot be used */
export function demonstratorOf({ spec, locate }: Supervision): Demonstrator {
  const { prompts, completion, hinted } = spec;
  const compiled = (field: string, text: string): JinjaTemplate => {
    try {
      return compileTemplate(text);
    } catch (error) {
      throw new UserError('bad-spec', `${locate(field.split('.'))}: ${field}: ${(error as Error).message}`);
    }
  };
  const unaided = compiled('completion', completion);
  const guided = hinted?.completion === undefined ? unaided : compiled('hinted.completion', hinted.completion);
  const template = hinted && parseTemplate(hinted.template, `${locate(['hinted', 'template'])}: hinted.template`);
  const hintedMessages = (item: SourceItem, hint: SourceItem = item): readonly Message[] =>
    template ? withHint(template, messagesOf({ prompts }, item), hint) : [];
  const demonstrate =
    (asked: (item: SourceItem) => readonly Message[], answer: JinjaTemplate, field: string) =>
    (item: SourceItem): Demonstration => ({
      messages: asked(item),
      completion: rendered(answer, item, field),
      source: placeOf(item),
    });
  const plain = demonstrate((item) => messagesOf({ prompts }, item), unaided, 'completion');
  const withHints = hinted && demonstrate((item) => hintedMessages(item), guided, 'hinted.completion');
  return {
    columns: [...new Set([...unaided.names, ...guided.names])].filter((name) => !known.includes(name)),
    hintedMessages,
    plain,
    hinted: withHints,
    kinds: withHints ? [plain, withHints] : [plain],
  };
}

const placeOf = ({ source, itemId }: SourceItem): string => (source === itemId ? source : `${source}: ${itemId}`);

function rendered(template: JinjaTemplate, item: SourceItem, field: string): string {
  const { question, answer, trace, columns } = item;
  if (trace === null && template.names.has('trace'))
    throw new UserError('bad-prompt', `${placeOf(item)}: trace: found nothing, expected a text for ${field}`);
  try {
    return template.render({ question, answer, ...(trace !== null && { trace }), ...columns });
  } catch (error) {
    throw new UserError('bad-prompt', `${placeOf(item)}: ${field}: ${(error as Error).message}`);
  }
}

/** The prompt as a teacher sees it, with the trace, and the answer where the template names it. */
function withHint(template: TeacherTemplate, messages: readonly Message[], hint: SourceItem): readonly Message[] {
  const piece = (kind: 'reference' | 'trace', content: string): PrivilegedPiece => ({
    ...{ kind, content, title: '' },
    ...{ id: hint.itemId, version: '', start: 0, end: content.length, truncated: false },
  });
  const { answer, trace } = hint;
  const shows = (field: string) => template.fields.has(field);
  const pieces = [
    ...(shows('reference') ? [piece('reference', answer)] : []),
    ...(trace !== null && (shows('trace') || shows('context')) ? [piece('trace', trace)] : []),
  ];
  if (pieces.length === 0)
    throw new UserError('bad-prompt', `${placeOf(hint)}: trace: found nothing, expected a hint for hinted.template`);
  return renderTeacher(template, messages, { pieces });
}

/** The token ids of a demonstration, of which those of the completion are learned. */
export interface Encoded extends SupervisedSample {
  /** Index of the completion's first token. */
  readonly from: number;
}

/** @throws {UserError} `bad-prompt` where it is too long or the chat template changes the prompt once it is answered */
export function encode(
  { messages, completion, source }: Demonstration,
  template: ChatTemplate,
  contextLength: number,
): Encoded {
  const asked = template.encode(messages, { addGenerationPrompt: true });
  const answered: readonly Message[] = [...messages, { role: 'assistant', content: completion }];
  const tokens = template.encode(answered, { addGenerationPrompt: false });
  const from = asked.length;
  if (tokens.length > contextLength)
    throw new UserError(
      'bad-prompt',
      `${source}: ${tokens.length} tokens with its completion, expected at most ${contextLength}, the model's context`,
    );
  if (tokens.length <= from || asked.some((id, t) => id !== tokens[t]))
    throw new UserError(
      'bad-prompt',
      `${source}: the chat template renders the prompt otherwise once it is answered; expected the same tokens before ` +
        'the completion',
    );
  return { tokens, from, mask: Uint8Array.from(tokens, (_, t) => (t < from ? 0 : 1)) };
}
