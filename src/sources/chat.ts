import type { Message } from '../records/records.js';
import { kindOf } from '../support/check.js';
import { FieldError } from './fields.js';
import { isRow } from './rows/row.js';

/** A conversation as a prompt: the last question, what came before it, and the answer if there is one. */
export interface Chat {
  readonly before: readonly Message[];
  readonly question: string;
  readonly answer: string | undefined;
}

const roles: Readonly<Record<string, Message['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
};

/**
 * Reads a list of messages, each with `role` and `content`, or `from` and `value`. The last message of the user is the
 * question, and what the assistant says next the answer.
 * @throws {FieldError}
 */
export function chatOf(messages: readonly unknown[]): Chat {
  const read = messages.map(messageOf);
  const at = read.findLastIndex(({ role }) => role === 'user');
  const question = read[at];
  if (!question) throw new FieldError('found no message of the user, expected one');
  return {
    before: read.slice(0, at),
    question: question.content,
    answer: read.slice(at + 1).find(({ role }) => role === 'assistant')?.content,
  };
}

function messageOf(value: unknown, index: number): Message {
  if (!isRow(value)) throw new FieldError(`message ${index + 1}: found ${kindOf(value)}, expected an object`);
  const name = value.role ?? value.from;
  const role = typeof name === 'string' && Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (!role) {
    const found = typeof name === 'string' ? JSON.stringify(name.slice(0, 40)) : kindOf(name);
    throw new FieldError(`message ${index + 1}: role: found ${found}, expected system, user or assistant`);
  }
  return { role, content: contentOf(value.content ?? value.value, index) };
}

function contentOf(content: unknown, index: number): string {
  if (typeof content === 'string') return content;
  const parts = Array.isArray(content) ? content : [content];
  return parts
    .map((part: unknown) => {
      if (isRow(part) && typeof part.text === 'string') return part.text;
      const found = isRow(part) && typeof part.type === 'string' ? `a part of type ${part.type}` : kindOf(part);
      throw new FieldError(`message ${index + 1}: content: found ${found}, expected text`);
    })
    .join('');
}
