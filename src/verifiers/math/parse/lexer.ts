import { isUnit } from '../evaluate/units.js';
import { ParseFailure } from './ast.js';
import { lexNumber } from './numerals.js';
import { clean } from './spelling.js';
import { ALIASES, FUNCTIONS, GREEK, RELATION_COMMANDS, SILENT, SPACES, TEXT_COMMANDS } from './words.js';

export interface Token {
  readonly type: 'number' | 'symbol' | 'function' | 'command' | 'text' | 'operator' | 'relation' | 'separator' | 'end';
  readonly text: string;
  /** White space stood before it. */
  readonly gap: boolean;
}

const MAX_TOKENS = 2000;

const UNICODE: Readonly<Record<string, string>> = {
  '≤': '<=',
  '≥': '>=',
  '≠': '!=',
  '≈': '~',
  '∈': 'in',
  '≡': '≡',
};
const UNICODE_COMMANDS: Readonly<Record<string, string>> = {
  '∪': 'cup',
  '∩': 'cap',
  '√': 'sqrt',
  '±': 'pm',
  '∓': 'mp',
  '°': 'circ',
};
const UNICODE_SYMBOLS: Readonly<Record<string, string>> = {
  π: 'pi',
  '∞': 'infinity',
  '∅': 'emptyset',
  θ: 'theta',
  α: 'alpha',
  β: 'beta',
};

/** @throws ParseFailure on characters that no mathematics uses, and on texts over 2,000 tokens. */
export function tokenize(source: string): readonly Token[] {
  const text = clean(source);
  const tokens: Token[] = [];
  let at = 0;
  let depth = 0;
  let gap = false;
  const push = (type: Token['type'], value: string) => {
    if (tokens.length >= MAX_TOKENS) throw new ParseFailure('the expression is too long');
    tokens.push({ type, text: value, gap });
    gap = false;
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const group = (): string => {
    const end = closing(text, at);
    const inner = text.slice(at + 1, end);
    at = end + 1;
    return inner;
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    if (/[\s~⁀&]/.test(character) && !(character === '~' && /\d/.test(text[at + 1] ?? ''))) {
      if (character === '&') push('operator', '&');
      gap = true;
      at++;
      continue;
    }
    const number = lexNumber(text, at, depth);
    if (number) {
      at = number.end;
      push('number', number.value);
      if (number.repeating) push('operator', number.repeating);
      continue;
    }
    if (character === '\\') {
      if (text.startsWith('\\\\', at)) {
        at += 2;
        push('operator', '\\\\');
        continue;
      }
      const command = match(/\\([a-zA-Z]+|[\s\S]?)/y)?.[1] ?? '';
      at += 1 + command.length;
      if (command === 'begin' || command === 'end') {
        at += match(/\s*/y)?.[0].length ?? 0;
        push('command', `${command}:${text[at] === '{' ? group() : ''}`);
        if (text[at] === '{') group();
        continue;
      }
      if (SPACES.has(command) || /\s/.test(command)) {
        if (command === 'hspace') group();
        if (/quad/.test(command)) push('separator', 'quad');
        gap = true;
      } else if (TEXT_COMMANDS.has(command)) {
        at += match(/\s*/y)?.[0].length ?? 0;
        pushText(text[at] === '{' ? group() : '', push);
      } else if (command === '{' || command === '}') {
        depth += command === '{' ? 1 : -1;
        push('operator', `\\${command}`);
      } else pushCommand(command, push, () => (gap = true));
      continue;
    }
    const word = match(/[a-zA-Z]+/y)?.[0];
    if (word) {
      at += pushWord(word, gap, tokens, push);
      continue;
    }
    const relation = match(/<=|>=|=<|=>|!=|<>|==|[<>=≤≥≠≈∈≡~]/y)?.[0];
    if (relation) {
      at += relation.length;
      push('relation', UNICODE[relation] ?? { '=<': '<=', '=>': 'other', '<>': '!=', '==': '=' }[relation] ?? relation);
      continue;
    }
    at++;
    if (UNICODE_COMMANDS[character]) push('command', UNICODE_COMMANDS[character]);
    else if (UNICODE_SYMBOLS[character]) push('symbol', UNICODE_SYMBOLS[character]);
    else if (character === '*' && text[at] === '*') {
      at++;
      push('operator', '^');
    } else if (',;'.includes(character)) push('separator', character);
    else if ('+-*/^_!%(){}[]|:\'.?"'.includes(character)) {
      if ('([{'.includes(character) && !(character === '{' && /[\w^}\]]/.test(text[at - 2] ?? ''))) depth++;
      if (')]}'.includes(character)) depth = Math.max(0, depth - 1);
      push('operator', character);
    } else throw new ParseFailure('an unknown character');
  }
  push('end', '');
  return tokens;
}

/** Index of the brace that closes the one at `open`, or the text's end. */
export function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return text.length;
}

type Push = (type: Token['type'], text: string) => void;

function pushText(content: string, push: Push): void {
  const inner = content.replaceAll('⁀', '').trim();
  const word = inner.toLowerCase().replace(/^[,.\s]+|[,.\s]+$/g, '');
  if (/^(?:and|or)$/.test(word)) push('separator', word);
  else if (/^[,;]$/.test(inner)) push('separator', inner);
  else if (word === 'to') push('operator', ':');
  else if (/^(?:percent|percentage|pct|%)$/.test(word)) push('operator', '%');
  else if (/^[-+]?\d[\d,]*(?:\.\d+)?$/.test(inner))
    for (const token of tokenize(inner)) token.type !== 'end' && push(token.type, token.text);
  else if (/^[a-zA-Z]$/.test(inner)) push('text', inner);
  else if (inner) push('text', inner);
}

function pushCommand(command: string, push: Push, space: () => void): void {
  const relation = RELATION_COMMANDS[command];
  const alias = ALIASES[command];
  if (SILENT.has(command)) space();
  else if (relation) push('relation', relation);
  else if (alias) push('symbol', alias);
  else if (FUNCTIONS[command] && command !== 'sqrt') push('function', FUNCTIONS[command]);
  else if (command === 'land' || command === 'wedge') push('separator', 'and');
  else if (command === 'lor' || command === 'vee') push('separator', 'or');
  else if (GREEK.has(command)) push('symbol', command);
  else if (/^q?quad./.test(command)) {
    push('separator', 'quad');
    for (const letter of command.replace(/^q?quad/, '')) push('symbol', letter);
  } else push('command', command);
}

/** @returns how many characters it took. */
function pushWord(word: string, gap: boolean, tokens: readonly Token[], push: Push): number {
  const before = tokens.at(-1);
  const afterValue = before !== undefined && (before.type === 'number' || /^[)}\]]$/.test(before.text));
  const lower = word.toLowerCase();
  if (lower === 'and' || lower === 'or') push('separator', lower);
  else if (/^(?:percent|percentage|pct)$/.test(lower)) push('operator', '%');
  else if (
    afterValue &&
    word.length > 1 &&
    !FUNCTIONS[word] &&
    !ALIASES[word] &&
    (isUnit(word) || (gap && word.length > 2))
  )
    push('text', word);
  else if (FUNCTIONS[word]) push('function', FUNCTIONS[word]);
  else if (ALIASES[word]) push('symbol', ALIASES[word]);
  else if (lower === 'infinity') push('symbol', 'infinity');
  else if (word === 'union' || (word === 'U' && /^[)\]}]$/.test(before?.text ?? ''))) push('command', 'cup');
  else if (GREEK.has(word)) push('symbol', word);
  else if (word.length > 3 && /[aeiouy]/.test(word) && /^.[a-z]+$/.test(word)) push('text', word);
  else {
    const prefix = /^[A-Za-z]*?(?=(?:sqrt|sin|cos|tan|log|ln|pi)$)/.exec(word)?.[0];
    const letters = prefix || word;
    for (const letter of letters) push('symbol', letter);
    return letters.length;
  }
  return word.length;
}
