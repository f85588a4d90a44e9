import { pattern } from '../../pattern.js';
import type { Notation, Place } from '../settings.js';
import { boxes, delimited, lastBox, lastExpression } from './candidates.js';

/** Only the end of a longer completion is read: the answer is there. */
const MAX_LENGTH = 100_000;

const MATHEMATICAL = pattern(
  '',
  '^(?:sqrt|sin|cos|tan|sec|csc|cot|log|exp|and|abs|max|min|inf|infinity|union|gcd|lcm|percent|pct|',
  'degrees?|xyz|abc|[a-z]{2}|[A-Z]{2,4})$',
);

/** Contains no prose: only single letters, function names, and units after numbers. */
export function looksMathematical(text: string): boolean {
  const words = text.replace(/\\[a-zA-Z]+(?:\s*\{[a-zA-Z* ]+\})?/g, ' ').match(/[a-zA-Z]{2,}/g) ?? [];
  return words.every(
    (word) => MATHEMATICAL.test(word) && !/^(?:it|is|so|of|to|as|at|be|by|if|no|on|we|he)$/.test(word),
  );
}

const FINAL = pattern(
  'gi',
  String.raw`(?:final\s+answer\s*(?:is|:|=)|\banswers?\s+(?:is|are)\b|\b(?:option|choice)\s+is\b|\banswer\s*:|`,
  String.raw`####|\banswer\b(?=\s+\(?[-+$\\]?\.?[\d\\({[A-Z]))\s*:?\**\s*`,
);

/** The text from the last "final answer is" to the end of its sentence. */
function finalRegion(text: string): string | undefined {
  for (const match of [...text.matchAll(FINAL)].reverse()) {
    const rest = text.slice(match.index + match[0].length, match.index + match[0].length + 2000);
    const nested = /^\s*(?:the\s+)?(?:final\s+)?answer\s+is\s*:?\s*/i.exec(rest)?.[0] ?? '';
    const sentence = unmarked(cutSentence(rest.slice(nested.length)));
    if (sentence.trim()) return sentence;
  }
  return undefined;
}

/** Removes surrounding emphasis and quotation marks. */
const unmarked = (text: string): string =>
  text
    .trim()
    .replace(/^[*`"#]+|[*`":]+$/g, '')
    .replace(/^(['_])([\s\S]*)\1$/, '$2');

function cutSentence(text: string): string {
  const trimmed = text.replace(/^[\s*:}]+/, '');
  let math = false;
  for (let i = 0; i < trimmed.length; i++) {
    const pair = trimmed.slice(i, i + 2);
    if (trimmed[i] === '$') math = !math;
    else if (pair === '\\[' || pair === '\\(') math = true;
    else if (pair === '\\]' || pair === '\\)') math = false;
    else if (
      !math &&
      (trimmed[i] === '\n' || (trimmed[i] === '.' && /^(?:\s|$|\*|<)/.test(trimmed.slice(i + 1, i + 2))))
    )
      return trimmed.slice(0, i);
  }
  return trimmed;
}

/**
 * The text of the answer in a completion; undefined if there is none.
 * Adjacent candidates (`5 or 6`, two boxes joined by `and`) are returned as one list.
 */
export function extractAnswer(
  source: string,
  places: readonly Place[],
  notations: readonly Notation[],
): string | undefined {
  const text = stated(source.length > MAX_LENGTH ? source.slice(-MAX_LENGTH) : source);
  for (const place of places) {
    const found = extractAt(text, place, notations);
    if (found?.trim()) return found;
  }
  return undefined;
}

/** The text after the thinking, if any, without chat markers and with signs instead of their names. */
function stated(text: string): string {
  const [, said = ''] = /^[\s\S]*<\/think(?:ing)?>([\s\S]*)$/.exec(text) ?? [];
  return (said.trim() === '' ? text : said)
    .replace(/<\/?(?:s|answer|final|solution)>|<\|[a-z_]+\|>/g, ' ')
    .replace(/\b(?:negative|minus)\s+(?=[\d.])/g, '-');
}

function extractAt(text: string, place: Place, notations: readonly Notation[]): string | undefined {
  const [latex, plain] = [notations.includes('latex'), notations.includes('expr')];
  if (place === 'boxed') return latex ? lastBox(text) : undefined;
  if (place === 'final-answer') {
    const region = finalRegion(text);
    if (region === undefined) return undefined;
    const inside = boxes(region).length > 0 || delimited(region).length > 0;
    if (plain && !inside && looksMathematical(region)) return region;
    return lastExpression(region, latex, plain) ?? (plain && region.length < 100 ? region : undefined);
  }
  const bare = unmarked(text);
  if (plain && bare.length < 400 && !/[$\n]|\\[([]/.test(bare) && looksMathematical(bare)) return bare;
  return lastExpression(text, latex, plain) ?? (plain && text.length < 200 ? bare : undefined);
}
