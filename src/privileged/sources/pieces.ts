import { createReadStream } from 'node:fs';
import { UserError } from '../../support/errors.js';
import { markedEncoding } from '../formats/decode.js';

/**
 * Decodes a file piece by piece: UTF-8, or UTF-16 with a byte order mark. The mark is dropped.
 * @throws {UserError} `document-encoding`, `document-binary`
 */
export async function* decodedPieces(path: string, name: string): AsyncGenerator<string> {
  let decoder: ReturnType<typeof openDecoder> | undefined;
  try {
    for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) {
      decoder ??= openDecoder(bytes);
      yield checked(decoder.decode(bytes, { stream: true }), name);
    }
    if (decoder) yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const encoding = decoder?.encoding.toUpperCase();
    throw new UserError(
      'document-encoding',
      `${name}: found bytes that are not ${encoding}, expected UTF-8, or UTF-16 with a byte order mark`,
    );
  }
}

const openDecoder = (start: Uint8Array) => new TextDecoder(markedEncoding(start) ?? 'utf-8', { fatal: true });

function checked(text: string, name: string): string {
  if (text.includes('\0')) throw new UserError('document-binary', `${name}: found NUL bytes, expected text`);
  return text;
}

/** A file's bytes in UTF-8: as they are, or from UTF-16 with a byte order mark. */
export async function* utf8Bytes(path: string, name: string): AsyncGenerator<Uint8Array> {
  let isUtf16: boolean | undefined;
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) {
    isUtf16 ??= markedEncoding(bytes)?.startsWith('utf-16') === true;
    if (isUtf16) break;
    yield bytes;
  }
  if (isUtf16) for await (const piece of decodedPieces(path, name)) yield Buffer.from(piece);
}
