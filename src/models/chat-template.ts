import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Message } from '../records/records.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { type CalendarDate, compileTemplate, type JinjaTemplate, TemplateError } from '../support/jinja/index.js';
import { controlTokens } from './control-tokens.js';
import { readOptionalJson } from './json-file.js';
import type { Tokenizer } from './tokenizer.js';

export interface ChatOptions {
  /** Whether the text ends where the answer starts. */
  readonly addGenerationPrompt: boolean;
  /** The day that `strftime_now` formats. */
  readonly date?: CalendarDate;
}

export interface ChatTemplate {
  /** The conversation as the model reads it, to the byte as transformers renders it. */
  apply(messages: readonly Message[], options: ChatOptions): string;
  /** Its ids. Control tokens are those that the template writes; in a message they are text. */
  encode(messages: readonly Message[], options: ChatOptions): Int32Array;
  /** Content hash of the template and the tokens that it names. */
  readonly hash: string;
  /** Whether what it renders may depend on the date. */
  readonly readsDate: boolean;
}

/** A template from elsewhere than a model folder. */
export interface TemplateText {
  /** Names it in errors. */
  readonly where: string;
  /** Jinja. */
  readonly source: string;
}

/**
 * The chat template of a Hugging Face folder: chat_template.jinja, or chat_template in tokenizer_config.json. Messages
 * are rendered without tools and documents, which are None as in transformers.
 * @param given is taken in place of the folder's
 * @throws {UserError} `bad-chat-template` when there is none, it cannot be parsed, or it uses what is not supported
 */
export function readChatTemplate(
  folder: string,
  tokenizer: Pick<Tokenizer, 'specials' | 'encode' | 'encodePlain' | 'addedTokens'>,
  given?: TemplateText,
): ChatTemplate {
  const { specials } = tokenizer;
  const { where, source } = given ?? required(folder);
  let template: JinjaTemplate;
  try {
    template = compileTemplate(source);
  } catch (error) {
    throw bad(where, 'the chat template cannot be used', error);
  }
  const control = controlTokens(tokenizer, template.literals);
  const apply: ChatTemplate['apply'] = (messages, { addGenerationPrompt, date }) => {
    try {
      return template.render(
        { tools: null, documents: null, ...specials, messages, add_generation_prompt: addGenerationPrompt },
        date && { date },
      );
    } catch (error) {
      const roles = messages.map((m) => m.role).join(', ');
      throw bad(where, `the chat template failed on messages of the roles [${roles}]`, error);
    }
  };
  return {
    hash: digest(source, JSON.stringify(Object.entries(specials).sort())),
    readsDate: template.readsDate,
    apply,
    encode: (messages, options) => control.encode(apply(control.mark(messages), options)),
  };
}

function required(folder: string): TemplateText {
  const found = folderTemplate(folder);
  if (found) return found;
  throw bad(
    folder,
    'no chat template: expected chat_template.jinja, or chat_template in tokenizer_config.json; for a base model name ' +
      'one in model.template',
  );
}

/** The template in a folder; undefined where it has none. */
export function folderTemplate(folder: string): TemplateText | undefined {
  const jinja = join(folder, 'chat_template.jinja');
  if (existsSync(jinja)) return { where: jinja, source: readFileSync(jinja, 'utf8') };
  const where = join(folder, 'tokenizer_config.json');
  const value = readOptionalJson(where).chat_template;
  if (typeof value === 'string') return { where, source: value };
  if (!Array.isArray(value)) return undefined;
  const named = value.find((t: { name?: unknown }) => t?.name === 'default') as { template?: unknown } | undefined;
  return typeof named?.template === 'string' ? { where, source: named.template } : undefined;
}

function bad(where: string, what: string, error?: unknown): UserError {
  if (error !== undefined && !(error instanceof TemplateError)) throw error;
  return new UserError('bad-chat-template', `${where}: ${what}${error ? `: ${error.message}` : ''}`);
}
