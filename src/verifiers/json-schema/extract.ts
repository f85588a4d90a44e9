import { parseExact } from '../../support/exact-json.js';
import { spoken } from '../answer/spoken.js';
import { looseBlocks } from '../code/loose-blocks.js';

// Each attempt may read to the end, so a text full of brackets would take quadratic time.
const MOST_TRIES = 1000;
const labels = ['json', 'jsonc', 'json5'];

interface Found {
  readonly value: unknown;
  readonly text: string;
}

function parse(text: string): Found | undefined {
  try {
    return { value: parseExact(text), text: text.trim() };
  } catch {
    return undefined;
  }
}

/**
 * The JSON of a completion: all of it, or the last block labelled json, or the last block without a label that is JSON,
 * or the last outermost object or list in the text. Thinking does not count. If the last one is broken or cut off there
 * is none: its parts are not the answer.
 */
export function extractJson(completion: string, bare: boolean): Found | undefined {
  const whole = parse(completion);
  if (whole || bare) return whole;
  const text = spoken(completion);
  const said = parse(text);
  if (said) return said;
  const blocks = looseBlocks(text, labels);
  const labelled = blocks.findLast(({ language }) => labels.includes(language));
  if (labelled) return parse(labelled.code);
  const plain = blocks.flatMap(({ language, code }) => (language === '' ? (parse(code) ?? []) : []));
  return plain.at(-1) ?? lastInText(text);
}

function lastInText(text: string): Found | undefined {
  let last: Found | undefined;
  for (let i = 0, tries = 0; i < text.length && tries < MOST_TRIES; i++) {
    if (text[i] !== '{' && text[i] !== '[') continue;
    tries += 1;
    const end = endOfValue(text, i);
    if (end !== undefined) {
      const whole = text.slice(i, end);
      // Brackets in prose do not count; a broken value does.
      if (parse(whole) || looksLikeJson(whole)) last = parse(whole);
      else continue;
      i = end - 1;
    } else if (looksLikeJson(text.slice(i, i + LOOK))) return undefined;
  }
  return last;
}

const LOOK = 200;
const looksLikeJson = (text: string): boolean => /^(\{\s*"|\[\s*[[{"\d-])/.test(text);

/** Index after the bracket that closes the one at `start`, ignoring brackets in strings. */
function endOfValue(text: string, start: number): number | undefined {
  const open: string[] = [];
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']');
    } else if (char === '}' || char === ']') {
      if (open.pop() !== char) return undefined;
      if (open.length === 0) return i + 1;
    }
  }
  return undefined;
}
