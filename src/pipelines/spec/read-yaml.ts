import { closeSync, openSync, readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { UserError } from '../../support/errors.js';

type Path = readonly PropertyKey[];

/** A file that would take more than this is no pipeline. */
const MAX_BYTES = 8 * 2 ** 20;
/** Nesting that no field needs. */
const MAX_DEPTH = 100;

export interface YamlFile {
  readonly data: unknown;
  /** `file:line:column` of a field, or of the nearest map around it that is there. */
  readonly place: (path: Path) => string;
}

/**
 * Reads a YAML file as plain data: maps with text keys, lists and scalars.
 * @throws {UserError} `no-file`; `bad-spec`, with line and column, for whatever is not one map in UTF-8
 */
export function readYaml(file: string): YamlFile {
  const source = textOf(file);
  const lines = new LineCounter();
  const fail = (offset: number, problem: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new UserError('bad-spec', `${file}:${line}:${col}: ${problem}`);
  };
  const deep = tooDeep(source);
  if (deep !== undefined) {
    const before = source.slice(0, deep).split('\n');
    throw new UserError('bad-spec', `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${NESTED}`);
  }
  const document = unlessTooDeep(file, () =>
    parseDocument(source, { lineCounter: lines, prettyErrors: false, logLevel: 'error', merge: true }),
  );
  const [syntax] = document.errors;
  if (syntax) fail(syntax.pos[0], syntaxProblem(syntax.code, syntax.message));
  if (!isMap(document.contents)) fail(0, 'expected a map of settings such as pipeline, model, prompts');
  const data = unlessTooDeep(file, () => dataOf(file, document));
  return { data, place: (path) => placeIn(file, document, lines, path) };
}

/** A YAML value as plain data, for `--set`. @throws {Error} with one line */
export function parseYamlValue(source: string): unknown {
  const deep = tooDeep(source);
  if (deep !== undefined) throw new Error(NESTED);
  const document = parseDocument(source, { prettyErrors: false, logLevel: 'error' });
  const [syntax] = document.errors;
  if (syntax)
    throw new Error(
      `${syntaxProblem(syntax.code, syntax.message)}; a value is YAML: put a text with { [ : # in quotes`,
    );
  return checkKeys(document.toJS({ maxAliasCount: 100 }));
}

const NESTED = `nested more than ${MAX_DEPTH} levels deep`;

function textOf(file: string): string {
  let bytes: Buffer;
  try {
    closeSync(openSync(file, 'r'));
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError('no-file', `${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (bytes.length > MAX_BYTES)
    throw new UserError(
      'bad-spec',
      `${file}: found ${bytes.length} bytes, expected a pipeline of at most ${MAX_BYTES}`,
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const line = bytes.subarray(0, firstBadByte(bytes)).filter((byte) => byte === 10).length + 1;
    const hint = bytes[0] === 0xff || bytes[0] === 0xfe ? '; it begins like UTF-16: save it as UTF-8' : '';
    throw new UserError('bad-spec', `${file}:${line}:1: found bytes that are not UTF-8${hint}`);
  }
}

/** Offset of the first byte that is not UTF-8, by halving. */
function firstBadByte(bytes: Buffer): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

/** Where brackets or indentation nest too deep for a parser that recurses; undefined if nowhere. */
function tooDeep(source: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    if (depth > MAX_DEPTH * 10) return i;
  }
  return undefined;
}

/** Runs a recursive function; a stack that is exhausted is the file's fault. */
function unlessTooDeep<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw new UserError('bad-spec', `${file}:1:1: ${NESTED}`);
    throw error;
  }
}

function dataOf(file: string, document: Document): unknown {
  try {
    return checkKeys(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    if (error instanceof RangeError || error instanceof UserError) throw error;
    throw new UserError('bad-spec', `${file}:1:1: ${(error as Error).message}`);
  }
}

/** Refuses what plain data cannot contain. */
function checkKeys<T>(value: T, path: readonly string[] = []): T {
  if (typeof value !== 'object' || value === null) return value;
  if (path.length > MAX_DEPTH) throw new Error(`${path.slice(0, 3).join('.')}…: ${NESTED}`);
  if (value instanceof Map || value instanceof Set || value instanceof Uint8Array)
    throw new Error(`${path.join('.')}: found a YAML ${value.constructor.name}, expected a plain map, list or text`);
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') throw new Error(`${[...path, key].join('.')}: is no field name`);
    checkKeys(inner, [...path, key]);
  }
  return value;
}

function syntaxProblem(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'found a second document (---), expected one pipeline in a file';
  if (code === 'DUPLICATE_KEY') return 'found a field twice, expected each once';
  if (code === 'TAB_AS_INDENT') return 'found a tab, expected spaces for indentation';
  if (message.startsWith('Maximum call stack')) return NESTED;
  return message.split('\n')[0] ?? message;
}

function placeIn(file: string, document: Document, lines: LineCounter, path: Path): string {
  const { line, col } = lines.linePos(positionOf(document, path));
  return `${file}:${line}:${col}`;
}

function positionOf(document: Document, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0];
    } else if (isNode(parent) && parent.range) return parent.range[0];
  }
  return 0;
}
