import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import type { Message } from '../records/records.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { readOptionalJson } from './json-file.js';

export interface ChatTemplate {
  /** The conversation as the model reads it; with `addGenerationPrompt`, up to where the answer starts. */
  apply(messages: readonly Message[], options: { readonly addGenerationPrompt: boolean }): string;
  /** Content hash of the template and the tokens that it names. */
  readonly hash: string;
}

/**
 * The chat template of a Hugging Face folder: chat_template.jinja, or chat_template in tokenizer_config.json.
 * @param specials tokens that the template may name, such as bos_token
 * @throws {UserError} `bad-chat-template` when there is none, or it cannot be parsed
 */
export function readChatTemplate(folder: string, specials: Readonly<Record<string, string>>): ChatTemplate {
  const { file, source } = templateSource(folder);
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw bad(file, 'the chat template cannot be parsed', error);
  }
  return {
    hash: digest(source, JSON.stringify(Object.entries(specials).sort())),
    apply(messages, { addGenerationPrompt }) {
      try {
        return template.render({
          ...specials,
          messages,
          add_generation_prompt: addGenerationPrompt,
        });
      } catch (error) {
        const roles = messages.map((m) => m.role).join(', ');
        throw bad(file, `the chat template failed on messages of the roles [${roles}]`, error);
      }
    },
  };
}

function templateSource(folder: string): { file: string; source: string } {
  const jinja = join(folder, 'chat_template.jinja');
  if (existsSync(jinja)) return { file: jinja, source: readFileSync(jinja, 'utf8') };
  const file = join(folder, 'tokenizer_config.json');
  const value = readOptionalJson(file).chat_template;
  if (typeof value === 'string') return { file, source: value };
  if (Array.isArray(value)) {
    const named = value.find((t: { name?: unknown }) => t?.name === 'default') as { template?: unknown } | undefined;
    if (typeof named?.template === 'string') return { file, source: named.template };
  }
  throw bad(folder, 'no chat template: expected chat_template.jinja, or chat_template in tokenizer_config.json');
}

const bad = (where: string, what: string, error?: unknown): UserError =>
  new UserError('bad-chat-template', `${where}: ${what}${error instanceof Error ? `: ${error.message}` : ''}`);
