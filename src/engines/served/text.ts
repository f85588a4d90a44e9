import { readChatTemplate } from '../../models/chat-template.js';
import type { ModelConfig } from '../../models/config.js';
import { readConfig } from '../../models/folder.js';
import { readTokenizer, type Tokenizer } from '../../models/tokenizer.js';
import { calendarDate } from '../../support/jinja/index.js';
import { checkPrompt } from '../check-request.js';
import type { ModelOptions } from '../engine.js';
import type { Completion, Policy } from '../policy.js';
import { createStopCheck, textBeforeStop } from '../stop.js';

/** Text and ids of a served model, from its folder on this machine: a server sees ids alone. */
export interface TextSide {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly policy: Required<Pick<Policy, 'encodePrompt' | 'decode' | 'templateHash' | 'readsDate' | 'vocabularySize'>>;
}

/** @throws {UserError} where the folder's config.json, tokenizer or chat template cannot be used */
export function openTextSide(
  {
    folder,
    template: given,
    date = () => new Date().toISOString(),
  }: Pick<ModelOptions, 'folder' | 'template' | 'date'>,
  contextLength: (config: ModelConfig) => number,
): TextSide {
  const config = readConfig(folder);
  const tokenizer = readTokenizer(folder, config.vocabSize);
  const template = readChatTemplate(folder, tokenizer, given);
  return {
    config,
    tokenizer,
    policy: {
      vocabularySize: config.vocabSize,
      templateHash: template.hash,
      readsDate: template.readsDate,
      encodePrompt(messages) {
        const tokens = template.encode(messages, { addGenerationPrompt: true, date: calendarDate(date()) });
        checkPrompt(tokens, { contextLength: contextLength(config), vocabSize: config.vocabSize });
        return tokens;
      },
      decode: (tokens) => tokenizer.decode(tokens),
    },
  };
}

/**
 * A completion as every engine gives it: it ends with the token that completes the first stop string. A server may have
 * gone a few tokens further.
 */
export function completionOf(
  drawn: Omit<Completion, 'text'>,
  tokenizer: Pick<Tokenizer, 'decode'>,
  stop: readonly string[] = [],
): Completion {
  const end = stop.length === 0 ? undefined : endOf(drawn.tokens, tokenizer, stop);
  const tokens = drawn.tokens.subarray(0, end);
  return {
    tokens,
    logprobs: drawn.logprobs.subarray(0, end),
    text: textBeforeStop(tokens, tokenizer, stop),
    finishReason: end === undefined ? drawn.finishReason : 'stop',
  };
}

/** Number of tokens up to where the first stop string is complete; undefined where there is none. */
function endOf(tokens: Int32Array, tokenizer: Pick<Tokenizer, 'decode'>, stop: readonly string[]): number | undefined {
  const stops = createStopCheck(tokenizer, stop);
  const read: number[] = [];
  for (const id of tokens) {
    read.push(id);
    if (stops(read)) return read.length;
  }
  return undefined;
}
