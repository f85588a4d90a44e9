import { required } from '../../../support/required.js';
import { isUnit } from '../evaluate/units.js';
import { ParseFailure } from './ast.js';
import { lexNumber } from './numerals.js';
import { clean } from './spelling.js';
import { ALIASES, FUNCTIONS, GREEK, RELATION_COMMANDS, SILENT, SPACES, TEXT_COMMANDS } from './words.js';

export interface Token {
  readonly type: 'number' | 'symbol' | 'function' | 'command' | 'text' | 'operator' | 'relation' | 'separator' | 'end';
  readonly text: string;
  /** White space came before it. */
  readonly gap: boolean;
}

const MAX_TOKENS = 2000;

const RELATIONS: ReadonlyMap<string, string> = new Map([
  ['≤', '<='],
  ['≥', '>='],
  ['≠', '!='],
  ['≈', '~'],
  ['∈', 'in'],
  ['=<', '<='],
  ['=>', 'other'],
  ['<>', '!='],
  ['=/=', '!='],
  ['==', '='],
  ['∉', 'other'],
  ['⊂', 'other'],
  ['⊆', 'other'],
  ['⊃', 'other'],
  ['⊇', 'other'],
  ['≪', 'other'],
  ['≫', 'other'],
  ['∼', 'other'],
  ['≅', 'other'],
  ['∝', 'other'],
  ['≢', 'other'],
  ['≃', '~'],
  ['≮', '>='],
  ['≯', '<='],
]);
const UNICODE_COMMANDS: ReadonlyMap<string, string> = new Map([
  ['∪', 'cup'],
  ['∩', 'cap'],
  ['√', 'sqrt'],
  ['±', 'pm'],
  ['∓', 'mp'],
  ['°', 'circ'],
]);
const UNICODE_SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['π', 'pi'],
  ['∞', 'infinity'],
  ['∅', 'emptyset'],
  ['θ', 'theta'],
  ['α', 'alpha'],
  ['β', 'beta'],
]);

interface Lexer {
  readonly text: string;
  readonly tokens: Token[];
  at: number;
  /** Open brackets: inside them a comma separates items. */
  depth: number;
  /** White space came before the next token. */
  gap: boolean;
}

/** @throws ParseFailure on an unknown character and on more than 2,000 tokens */
export function tokenize(source: string): readonly Token[] {
  const lexer: Lexer = { text: clean(source), tokens: [], at: 0, depth: 0, gap: false };
  while (lexer.at < lexer.text.length) readToken(lexer);
  push(lexer, 'end', '');
  return lexer.tokens;
}

function push(lexer: Lexer, type: Token['type'], text: string): void {
  if (lexer.tokens.length >= MAX_TOKENS) throw new ParseFailure('the expression is too long');
  lexer.tokens.push({ type, text, gap: lexer.gap });
  lexer.gap = false;
}

function match({ text, at }: Lexer, pattern: RegExp): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readToken(lexer: Lexer): void {
  const { text, at } = lexer;
  const character = text.charAt(at);
  if (/[\s~⁀&]/.test(character) && !(character === '~' && /\d/.test(text.charAt(at + 1)))) {
    if (character === '&') push(lexer, 'operator', '&');
    lexer.gap = true;
    lexer.at++;
    return;
  }
  const number = lexNumber(text, at, lexer.depth);
  if (number) {
    lexer.at = number.end;
    push(lexer, 'number', number.value);
    if (number.repeating) push(lexer, 'operator', number.repeating);
    return;
  }
  const word = match(lexer, /[a-zA-Z]+/y);
  if (character === '\\') readCommand(lexer);
  else if (word) readWord(lexer, word);
  else readSign(lexer, character);
}

function readSign(lexer: Lexer, character: string): void {
  const relation = match(lexer, /=\/=|<=|>=|=<|=>|!=|<>|==|[<>=≤≥≠≈∈≡~∉⊂⊆⊃⊇≪≫∼≅∝≢≃≮≯]/y);
  if (relation) {
    lexer.at += relation.length;
    push(lexer, 'relation', RELATIONS.get(relation) ?? relation);
    return;
  }
  lexer.at++;
  const { text, at } = lexer;
  const command = UNICODE_COMMANDS.get(character);
  const symbol = UNICODE_SYMBOLS.get(character);
  if (command) push(lexer, 'command', command);
  else if (symbol) push(lexer, 'symbol', symbol);
  else if (character === '*' && text[at] === '*') {
    lexer.at++;
    push(lexer, 'operator', '^');
  } else if (',;'.includes(character)) push(lexer, 'separator', character);
  else if ('+-*/^_!%(){}[]|:\'.?"'.includes(character)) {
    if ('([{'.includes(character) && !(character === '{' && /[\w^}\]]/.test(text.charAt(at - 2)))) lexer.depth++;
    if (')]}'.includes(character)) lexer.depth = Math.max(0, lexer.depth - 1);
    push(lexer, 'operator', character);
  } else throw new ParseFailure('an unknown character');
}

function readCommand(lexer: Lexer): void {
  if (lexer.text.startsWith('\\\\', lexer.at)) {
    lexer.at += 2;
    push(lexer, 'operator', '\\\\');
    return;
  }
  const written = required(match(lexer, /\\(?:[a-zA-Z]+|[\s\S]?)/y), 'command after a backslash');
  const command = written.slice(1);
  lexer.at += written.length;
  if (command === 'begin' || command === 'end') {
    push(lexer, 'command', `${command}:${readArgument(lexer)}`);
    if (lexer.text[lexer.at] === '{') readGroup(lexer);
  } else if (SPACES.has(command) || /\s/.test(command)) {
    if (command === 'hspace') readGroup(lexer);
    if (/quad/.test(command)) push(lexer, 'separator', 'quad');
    lexer.gap = true;
  } else if (TEXT_COMMANDS.has(command)) pushText(lexer, readArgument(lexer));
  else if (command === '{' || command === '}') {
    lexer.depth += command === '{' ? 1 : -1;
    push(lexer, 'operator', `\\${command}`);
  } else pushCommand(lexer, command);
}

/** The content of the braces after white space; empty without braces. */
function readArgument(lexer: Lexer): string {
  while (/\s/.test(lexer.text.charAt(lexer.at))) lexer.at++;
  return lexer.text[lexer.at] === '{' ? readGroup(lexer) : '';
}

function readGroup(lexer: Lexer): string {
  const end = closing(lexer.text, lexer.at);
  const inner = lexer.text.slice(lexer.at + 1, end);
  lexer.at = end + 1;
  return inner;
}

/** Index of the brace that closes the one at `open`, or the end of the text. */
export function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return text.length;
}

function pushText(lexer: Lexer, content: string): void {
  const inner = content.replaceAll('⁀', '').trim();
  const word = inner.toLowerCase().replace(/^[,.(\s]+|[,.)\s]+$/g, '');
  if (!word && /^[()]$/.test(inner)) return;
  if (/^(?:and|or)$/.test(word)) push(lexer, 'separator', word);
  else if (/^[,;]$/.test(inner)) push(lexer, 'separator', inner);
  else if (word === 'to') push(lexer, 'operator', ':');
  else if (lexer.tokens.length > 0 && /(?:^|\W)(?:or|and)\W.*\d/.test(inner))
    for (const token of tokenize(inner.replace(/[()]/g, ' ')))
      token.type !== 'end' && push(lexer, token.type, token.text);
  else if (/^(?:percent|percentage|pct|per cent|%)(?:$|[\s,])/.test(word)) push(lexer, 'operator', '%');
  else if (/^[-+]?\d[\d,]*(?:\.\d+)?$/.test(inner))
    for (const token of tokenize(inner)) token.type !== 'end' && push(lexer, token.type, token.text);
  else if (/^[a-zA-Z]$/.test(inner)) push(lexer, 'text', inner);
  else if (inner) push(lexer, 'text', inner);
}

function pushCommand(lexer: Lexer, command: string): void {
  const relation = RELATION_COMMANDS.get(command);
  const alias = ALIASES.get(command);
  const called = FUNCTIONS.get(command);
  if (SILENT.has(command)) lexer.gap = true;
  else if (relation) push(lexer, 'relation', relation);
  else if (alias) push(lexer, 'symbol', alias);
  else if (called && command !== 'sqrt') push(lexer, 'function', called);
  else if (command === 'land' || command === 'wedge') push(lexer, 'separator', 'and');
  else if (command === 'lor' || command === 'vee') push(lexer, 'separator', 'or');
  else if (GREEK.has(command)) push(lexer, 'symbol', command);
  else if (/^q?quad./.test(command)) {
    push(lexer, 'separator', 'quad');
    for (const letter of command.replace(/^q?quad/, '')) push(lexer, 'symbol', letter);
  } else push(lexer, 'command', command);
}

function readWord(lexer: Lexer, word: string): void {
  lexer.at += word.length;
  const before = lexer.tokens.at(-1);
  const afterValue = before !== undefined && (before.type === 'number' || /^[)}\]]$/.test(before.text));
  const lower = word.toLowerCase();
  const called = FUNCTIONS.get(word);
  const alias = ALIASES.get(word);
  if (lower === 'and' || lower === 'or') push(lexer, 'separator', lower);
  else if (/^(?:percent|percentage|pct)$/.test(lower)) push(lexer, 'operator', '%');
  else if (afterValue && word.length > 1 && !called && !alias && (isUnit(word) || (lexer.gap && word.length > 2)))
    push(lexer, 'text', word);
  else if (called) push(lexer, 'function', called);
  else if (alias) push(lexer, 'symbol', alias);
  else if (lower === 'infinity') push(lexer, 'symbol', 'infinity');
  else if (word === 'union' || (word === 'U' && before && /^[)\]}]$/.test(before.text))) push(lexer, 'command', 'cup');
  else if (GREEK.has(word)) push(lexer, 'symbol', word);
  else if (word.length > 3 && /[aeiouy]/.test(word) && /^.[a-z]+$/.test(word)) push(lexer, 'text', word);
  else {
    const prefix = /^[A-Za-z]*?(?=(?:sqrt|sin|cos|tan|log|ln|pi)$)/.exec(word)?.[0];
    const spelled = prefix || word;
    for (const letter of spelled) push(lexer, 'symbol', letter);
    // The function at its end is read next.
    lexer.at -= word.length - spelled.length;
  }
}
