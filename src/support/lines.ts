/** One line of a text: its content, or why it has none. */
export type Line = { readonly number: number } & (
  | { readonly text: string }
  | { readonly text: undefined; readonly problem: string }
);

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Longest line in bytes, unless the caller says otherwise. */
const LONGEST = 64 << 20;

/**
 * The lines of a UTF-8 text, numbered from 1. A line ends at `\n` or `\r\n` and nowhere else: U+2028 and a lone `\r`
 * are ordinary characters. A byte order mark at the start is left out. A line that is not UTF-8 or too long has no
 * text.
 *
 * @example
 * for await (const { number, text } of linesOf(createReadStream('prompts.jsonl'))) console.log(number, text);
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, longest = LONGEST): AsyncGenerator<Line> {
  let number = 0;
  let parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array) => {
    length += part.byteLength;
    if (length <= longest) parts.push(part);
    else parts = [];
  };
  const end = (): Line => {
    number++;
    const line: Line =
      length > longest
        ? { number, text: undefined, problem: `found a line of more than ${longest} bytes` }
        : decodedLine(Buffer.concat(parts), number);
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, at));
      yield end();
      start = at + 1;
    }
    if (start < chunk.byteLength) add(chunk.subarray(start));
  }
  if (length > 0) yield end();
}

function decodedLine(bytes: Uint8Array, number: number): Line {
  const content = bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
  const text = decodeUtf8(content, number === 1);
  return text === undefined ? { number, text, problem: utf8Problem(content) } : { number, text };
}

/**
 * Decodes UTF-8; undefined where the bytes are something else.
 * @param atStart leaves out a byte order mark
 */
export function decodeUtf8(bytes: Uint8Array, atStart = false): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: !atStart }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What bytes are that `decodeUtf8` refuses, for messages. */
export function utf8Problem(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return `found ${isUtf16 ? 'UTF-16' : 'bytes that are not UTF-8'}, expected UTF-8`;
}

/** Whether a text contains half of a surrogate pair, which UTF-8 cannot express. */
export const hasLoneSurrogate = (text: string): boolean => /\p{Surrogate}/u.test(text);
