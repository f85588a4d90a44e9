import type { Message } from '../records/records.js';
import { UserError } from '../support/errors.js';
import type { Tokenizer } from './tokenizer.js';

// A message that contains `<|im_end|>` must not end a turn. As transformers does with `sanitize_control_tokens`,
// control tokens in messages are wrapped in private-use characters before rendering, and encoded as plain text
// afterwards; those that the template itself writes stay tokens.

const START = '\u{f0000}';
const END = '\u{f0001}';

export interface ControlTokens {
  /** The messages with their control tokens marked. */
  mark(messages: readonly Message[]): Message[];
  /** Ids of a text rendered from marked messages. @throws {UserError} `control-token` for one that cannot be spelled */
  encode(marked: string): Int32Array;
}

/**
 * @param literals text that the template writes: an added token in it is a control token, as is every special token
 */
export function controlTokens(
  tokenizer: Pick<Tokenizer, 'encode' | 'encodePlain' | 'addedTokens'>,
  literals: string,
): ControlTokens {
  const control = tokenizer.addedTokens.filter(
    ({ content, special }) => special || (literals.includes(content) && content.trim() !== ''),
  );
  const ids = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]));
  // A token before those that it contains.
  const pattern = (tokens: readonly { readonly content: string }[]): string =>
    tokens
      .map(({ content }) => content)
      .sort((a, b) => b.length - a.length)
      .map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
      .join('|') || '(?!)';
  const found = new RegExp(pattern(control), 'gu');
  const markers = new RegExp(`${START}(${pattern(tokenizer.addedTokens)})${END}|[${START}${END}]`, 'u');
  const stray = new RegExp(`[${START}${END}]`, 'gu');
  const marked = (text: string): string => text.replace(stray, '').replace(found, `${START}$&${END}`);
  return {
    mark: (messages) => messages.map((message) => ({ ...message, content: marked(message.content) })),
    encode(text) {
      const pieces: (string | undefined)[] = text.split(markers);
      const encoded = pieces.map((piece, i) => {
        if (!piece) return new Int32Array();
        if (i % 2 === 0) return inside(piece, i, tokenizer.encode);
        const spelled = inside(piece, i, tokenizer.encodePlain);
        if (spelled.includes(ids.get(piece) ?? -1))
          throw new UserError(
            'control-token',
            `a message contains ${piece}, a control token that this tokenizer cannot spell in other tokens`,
          );
        return spelled;
      });
      return Int32Array.from(encoded.flatMap((part) => [...part]));
    },
  };

  /** Encodes a piece after a line end, so that no space is put before it as at the start of a text. */
  function inside(piece: string, index: number, encode: (text: string) => Int32Array): Int32Array {
    if (index === 0) return encode(piece);
    const lineEnd = tokenizer.encode('\n');
    const after = encode(`\n${piece}`);
    return lineEnd.every((id, i) => after[i] === id) ? after.subarray(lineEnd.length) : encode(piece);
  }
}
