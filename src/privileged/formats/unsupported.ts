import { extname } from 'node:path';
import { UserError } from '../../support/errors.js';
import { encrypted } from './errors.js';

const SAVE_AS_TEXT = 'save it as .docx, .html or .pdf';
const SHEET_AS_CSV = 'export each sheet as .csv';
const SLIDES = 'save it as .pdf';

/** Formats that are recognized but not read: name, what to do, extensions. */
const formats: readonly (readonly [name: string, advice: string, extensions: string])[] = [
  ['Excel workbook', SHEET_AS_CSV, '.xlsx .xlsm .xltx .xlsb .xls .xlt'],
  ['OpenDocument spreadsheet', SHEET_AS_CSV, '.ods .fods'],
  ['Numbers spreadsheet', SHEET_AS_CSV, '.numbers'],
  ['PowerPoint presentation', SLIDES, '.pptx .pptm .ppsx .potx .ppt .pps'],
  ['OpenDocument presentation', SLIDES, '.odp .fodp'],
  ['Keynote presentation', SLIDES, '.key'],
  ['old Word document', SAVE_AS_TEXT, '.doc .dot'],
  ['Word template', SAVE_AS_TEXT, '.dotx .dotm .docm'],
  ['OpenDocument text', SAVE_AS_TEXT, '.odt .ott .fodt'],
  ['Pages document', SAVE_AS_TEXT, '.pages'],
  ['RTF document', SAVE_AS_TEXT, '.rtf'],
  ['WordPerfect document', SAVE_AS_TEXT, '.wpd'],
  ['Hangul document', SAVE_AS_TEXT, '.hwp .hwpx'],
  ['e-book', 'convert it to .html', '.epub .mobi .azw .azw3'],
  ['saved message or web archive', 'save it as .html or .txt', '.eml .msg .mht .mhtml .webarchive'],
  ['compiled help file', 'convert it to .html', '.chm'],
  ['page description', SLIDES, '.ps .eps .xps .oxps .djvu'],
  ['diagram', SLIDES, '.vsd .vsdx'],
  ['image', 'run it through OCR and add the text', '.png .jpg .jpeg .gif .webp .tif .tiff .bmp .heic .heif .avif .ico'],
  ['recording', 'add a transcript', '.mp3 .mp4 .m4a .wav .flac .ogg .opus .mov .avi .mkv .webm'],
  ['archive', 'unpack it', '.zip .gz .tgz .bz2 .xz .zst .7z .rar .tar .jar'],
  [
    'data file',
    'export the texts as .csv or .jsonl',
    '.parquet .avro .orc .arrow .feather .sqlite .sqlite3 .db .mdb .duckdb',
  ],
];

const byExtension = new Map(
  formats.flatMap(([name, advice, extensions]) =>
    extensions.split(' ').map((extension) => [extension, { name, advice }] as const),
  ),
);

/** Formats told by their first bytes, whatever the file is called. */
const signatures: readonly (readonly [start: string, name: string, advice: string])[] = [
  ['%PDF-', 'PDF', 'name it .pdf'],
  ['PK\x03\x04', 'zip archive or Office document', 'name it .docx if it is a Word document, or unpack it'],
  ['{\\rtf', 'RTF document', SAVE_AS_TEXT],
  ['%!PS', 'PostScript file', SLIDES],
  ['\x89PNG', 'image', 'run it through OCR and add the text'],
  ['\xff\xd8\xff', 'image', 'run it through OCR and add the text'],
  ['GIF8', 'image', 'run it through OCR and add the text'],
  ['\x1f\x8b', 'compressed file', 'unpack it'],
  ['SQLite format 3\0', 'SQLite database', 'export the texts as .csv or .jsonl'],
  ['PAR1', 'Parquet file', 'export the texts as .csv or .jsonl'],
];

/** Start of a compound file: an Office document of before 2007, or a newer one with a password. */
const COMPOUND = '\xd0\xcf\x11\xe0';
const OLD_WORD = Buffer.from('WordDocument', 'utf16le');

/** Extensions of formats that are packed or binary, and checked by their readers. */
const packed: readonly string[] = ['.pdf', '.docx'];

/**
 * Refuses formats that would be read as garbage.
 * @throws {UserError} `document-format` with what to do; `document-encrypted`
 */
export function refuseUnsupported(path: string, bytes: Uint8Array): void {
  const extension = extname(path).toLowerCase();
  const known = byExtension.get(extension);
  if (known) throw unsupported(path, `${known.name} (${extension})`, known.advice);
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (start.startsWith(COMPOUND)) {
    const isOldWord = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(OLD_WORD);
    if (extension === '.docx' && !isOldWord) throw encrypted(path);
    throw unsupported(path, isOldWord ? 'old Word document' : 'old Office document', SAVE_AS_TEXT);
  }
  if (packed.includes(extension)) return;
  for (const [signature, name, advice] of signatures)
    if (start.startsWith(signature)) throw unsupported(path, name, advice);
}

const unsupported = (path: string, format: string, advice: string): UserError =>
  new UserError('document-format', `${path}: format not supported: ${format}; ${advice}`);
