import { UserError } from '../../support/errors.js';

/** An encoding is declared within this many bytes from the start, as in the HTML standard. */
const DECLARED_WITHIN = 1024;

/** The encoding of a byte order mark. */
export function markedEncoding(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | undefined {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xef && second === 0xbb && third === 0xbf ? 'utf-8' : undefined;
}

/**
 * Decodes a whole text: by its byte order mark, else as declared, else as UTF-8. The mark is dropped.
 * @param declared reads the encoding that the start of the text, decoded as Latin-1, declares
 * @throws {UserError} `document-encoding`, `document-binary`
 */
export function decode(path: string, bytes: Uint8Array, declared?: (start: string) => string | undefined): string {
  const marked = markedEncoding(bytes);
  const label = marked ?? declared?.(Buffer.from(bytes.subarray(0, DECLARED_WITHIN)).toString('latin1')) ?? 'utf-8';
  const decoder = decoderOf(path, label);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    const isDeclared = marked === undefined && decoder.encoding !== 'utf-8';
    throw new UserError(
      'document-encoding',
      `${path}: found bytes that are not ${decoder.encoding.toUpperCase()}, expected ` +
        `${isDeclared ? 'the encoding that it declares' : 'UTF-8, or UTF-16 with a byte order mark'}`,
    );
  }
  if (decoder.encoding === 'windows-1252') text = text.replace(/[\u0080-\u009f]/g, windows1252);
  if (text.includes('\0')) throw new UserError('document-binary', `${path}: found NUL bytes, expected text`);
  return text;
}

/** Characters of bytes 0x80 to 0x9f in windows-1252, which some releases of Node decode as Latin-1. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

const windows1252 = (control: string): string => WINDOWS_1252.charAt(control.charCodeAt(0) - 0x80);

function decoderOf(path: string, label: string) {
  // Bytes in which an ASCII declaration can be read are not UTF-16.
  const isUtf16 = /^(utf-?16|ucs-?2|unicode$|csunicode|iso-10646-ucs-2)/i;
  try {
    return new TextDecoder(markLabels.includes(label) ? label : isUtf16.test(label) ? 'utf-8' : label, { fatal: true });
  } catch {
    throw new UserError(
      'document-encoding',
      `${path}: declares the encoding ${label.slice(0, 40)}, which is not known; expected one of the Encoding ` +
        'Standard, such as utf-8 or windows-1252',
    );
  }
}

const markLabels: readonly string[] = ['utf-8', 'utf-16le', 'utf-16be'];

/** The encoding that HTML or XML declares: `<meta charset>`, `<meta http-equiv content>` or an XML declaration. */
export function declaredEncoding(start: string): string | undefined {
  const xml = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)/i.exec(start)?.[1];
  const meta = /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)/i.exec(start.replace(/<!--[\s\S]*?(-->|$)/g, ''))?.[1];
  return xml ?? meta;
}
