import { tooLong } from '../errors.js';
import { maxDocumentCharacters } from '../extracted.js';

/** Writes text as a browser lays it out: white space collapsed, blocks on lines of their own. */
export interface Writer {
  /** Text whose white space collapses. */
  text(text: string): void;
  /** Text as it is, with its line ends. */
  verbatim(text: string): void;
  /** A sub- or superscript, `^` or `_` and its text. In braces where the next character would read as part of it. */
  script(sign: '^' | '_', text: string): void;
  /** At least this many line ends before what follows: 1 begins a line, 2 a paragraph. */
  breakLine(lines: 1 | 2): void;
  /** A forced line end; two of them leave a blank line. */
  newLine(): void;
  /**
   * Writes `content` with a prefix on each line.
   * @param first prefix of the first line; default the same
   */
  indented(prefix: string, content: () => void, first?: string): void;
  /** Runs `content` and returns what it wrote. */
  captured(content: () => void): string;
  result(): string;
}

interface State {
  readonly path: string;
  readonly parts: string[];
  /** Of the lines from here on, outermost first. */
  readonly prefixes: string[];
  /** Of the next line only, with those around it. */
  firstPrefix: string | undefined;
  length: number;
  /** Line ends before what follows. */
  breaks: number;
  /** Whether a space precedes what follows. */
  space: boolean;
  /** Not written yet: its form depends on the next character. */
  script: { readonly sign: string; readonly text: string } | undefined;
}

function push(state: State, part: string): void {
  state.length += part.length;
  if (state.length > maxDocumentCharacters) throw tooLong(state.path);
  state.parts.push(part);
}

/** Writes the line ends, the prefix or the space before a word. */
function place(state: State): void {
  const { prefixes, firstPrefix, length, breaks, space } = state;
  if (length === 0 || breaks > 0) {
    if (length > 0) {
      // The line before a prefix's first one is not part of it yet.
      const blank = (firstPrefix === undefined ? prefixes : prefixes.slice(0, -1)).join('').trimEnd();
      push(state, `\n${`${blank}\n`.repeat(breaks - 1)}`);
    }
    push(state, firstPrefix ?? prefixes.join(''));
    state.firstPrefix = undefined;
  } else if (space) push(state, ' ');
  state.breaks = 0;
  state.space = false;
}

function flushScript(state: State, next = ''): void {
  if (!state.script) return;
  const { sign, text } = state.script;
  state.script = undefined;
  push(state, scriptText(sign, text, state.space ? ' ' : next));
}

/** A script before `next`: in braces where it is more than a token, or the next character would read as part of it. */
export function scriptText(sign: string, text: string, next: string): string {
  const isToken = /^[+\-−]?[\p{L}\p{N}.,′*°]+[+\-−]?$/u.test(text);
  return isToken && !/^[\p{L}\p{N}_]/u.test(next) ? sign + text : `${sign}{${text}}`;
}

function writeIndented(state: State, prefix: string, first: string, content: () => void): void {
  flushScript(state);
  const { parts, prefixes, firstPrefix } = state;
  state.firstPrefix = (firstPrefix ?? prefixes.join('')) + first;
  prefixes.push(prefix);
  const before = parts.length;
  content();
  flushScript(state);
  prefixes.pop();
  if (parts.length === before) state.firstPrefix = firstPrefix;
}

/** @param path for the message of a text that is too long */
export function textWriter(path: string): Writer {
  const state: State = {
    path,
    parts: [],
    prefixes: [],
    firstPrefix: undefined,
    length: 0,
    breaks: 0,
    space: false,
    script: undefined,
  };
  return {
    text(text) {
      // Soft hyphens and zero-width spaces only say where a line may break.
      const words = text.replace(/[\u00AD\u200B]/g, '').split(/[ \t\n\r\f\u00A0]+/);
      for (const [k, word] of words.entries()) {
        if (k > 0) state.space = true;
        if (word === '') continue;
        flushScript(state, word);
        place(state);
        push(state, word);
      }
    },
    verbatim(text) {
      flushScript(state);
      for (const [k, line] of text.split('\n').entries()) {
        if (k > 0) state.breaks++;
        if (line === '') continue;
        place(state);
        push(state, line);
      }
    },
    script(sign, text) {
      flushScript(state);
      place(state);
      state.script = { sign, text };
    },
    breakLine(lines) {
      flushScript(state);
      state.breaks = Math.max(state.breaks, lines);
      state.space = false;
    },
    newLine() {
      flushScript(state);
      state.breaks = Math.min(2, state.breaks + 1);
      state.space = false;
    },
    indented: (prefix, content, first = prefix) => writeIndented(state, prefix, first, content),
    captured(content) {
      const before = state.parts.length;
      content();
      flushScript(state);
      return state.parts.slice(before).join('');
    },
    result() {
      flushScript(state);
      return state.parts.join('');
    },
  };
}
