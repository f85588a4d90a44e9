import { closing } from './lexer.js';

/** What counts as an expression: LaTeX between delimiters or in a box, or plain numbers and formulas in prose. */
export type Notation = 'latex' | 'expr';
/** Where an answer is looked for. */
export type Place = 'boxed' | 'final-answer' | 'last';

interface Found {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Longer completions are read from their end: the answer is there. */
const MAX_LENGTH = 100_000;

/** Between two candidates that are one answer: punctuation, `and`, `or`, a word or two. */
const JOINT =
  /^(?:\s|\\[a-z]*quad|\\[,;!() ]|[$+.,;&}\\]|\\text\s*\{[^{}]{0,30}\}?|\b(?!so|thus|hence|is|the|then|therefore|which|finally|now|get|gets|gives|giving)[a-z]{1,12}\b){0,24}$/i;
const NEUTRAL = /^(?:[\s$,;}]|\\[,;!() ]|\\q?quad)*$/;

/** The last candidate, with those right before it that belong to the same answer. */
function lastJoined(found: readonly Found[], source: string, joint: (between: string) => boolean): string | undefined {
  let index = found.length - 1;
  const last = found[index];
  if (!last) return undefined;
  const parts = [last.text];
  let alternatives = true;
  for (let next = last; index > 0; index--) {
    const before = found[index - 1];
    if (!before) break;
    const between = source.slice(before.end, next.start);
    if (between.length > 60 || !joint(between)) break;
    parts.unshift(before.text);
    alternatives &&= /\bor\b/.test(between);
    next = before;
  }
  const distinct = [...new Set(parts.map((part) => part.trim()))];
  return distinct.length === 1 ? distinct[0] : distinct.join(alternatives ? ' or ' : ' , ');
}

function boxes(text: string): readonly Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(/\\(?:boxed|fbox)\s*(?:\{|([a-zA-Z\d]))/g)) {
    const outer = found.at(-1);
    if (outer && match.index < outer.end) continue;
    const open = match.index + match[0].length - 1;
    const end = match[1] ? open : closing(text, open);
    found.push({ start: match.index, end: end + 1, text: match[1] ?? text.slice(open + 1, end) });
  }
  return found.filter((box) => !isDenied(text, box.start));
}

/** "not 5", "it cannot be 5": no candidate for the answer. */
const DENIAL =
  /(?:\bnot|n't|\bnever|\bcannot|\banything but|\brather than|\binstead of|\bother than)\s*(?:(?:be|equal(?: to)?|a|an|the|is)\s*)*[\s:$*]*(?:\\[([]\s*)?$/i;
const isDenied = (text: string, start: number): boolean => DENIAL.test(text.slice(Math.max(0, start - 60), start));

// An opening bracket within brackets begins anew, so that a text of them alone is read once and not once for each.
const DELIMITED =
  /\\\[((?:(?!(?<!\\)\\\[)[\s\S])+?)\\\]|(?<!\\)\$\$([\s\S]+?)(?<!\\)\$\$|(?<!\\)\\\(((?:(?!(?<!\\)\\\()[^\n])+?)\\\)|(?<![\\$])\$((?:\\.|[^$\n\\])+)\$|(\\begin\{(equation|align|gather|multline)\*?\}(?:(?!\\begin\{\6)[\s\S])+?\\end\{\6\*?\})/g;

function delimited(text: string): readonly Found[] {
  return [...text.matchAll(DELIMITED)]
    .map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      text: match[1] ?? match[2] ?? match[3] ?? match[4] ?? match[5] ?? '',
    }))
    .filter((one) => !isDenied(text, one.start));
}

const NUMBER = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?|\.\d+)`;
const COORDINATE = String.raw`\s*[-+−]?[ ]?(?:${NUMBER}(?:[ ]?/[ ]?\d+)?|∞|inf(?:inity)?|oo)\s*`;
const EXPRESSION = new RegExp(
  String.raw`(?<![\w)\]])[([]${COORDINATE}(?:[,;]${COORDINATE})+[)\]]|(?<![\w.\\^]|\^[{(]-?)(?<!\d[ ]?)[-+−]?[ ]?[$€£]?[ ]?\(?[-+]?${NUMBER}\)?!?(?:[ ]?(?:[*/+^×÷:]|-(?=[ ]?\d))[ ]?\(?-?${NUMBER}\)?!?)*(?:[ ]\d+\/\d+)?(?:[ ]?(?:%|percent\b|percentage\b|pct\b))?`,
  'g',
);

function expressions(text: string): readonly Found[] {
  return [...text.matchAll(EXPRESSION)]
    .map((match) => ({ start: match.index, end: match.index + match[0].length, text: balanced(match[0]) }))
    .filter((one) => !isDenied(text, one.start));
}

/** Brackets that open or close outside the expression are prose. */
function balanced(text: string): string {
  const opens = text.split('(').length;
  const closes = text.split(')').length;
  return opens === closes || /^[([].*[,;].*[)\]]$/s.test(text)
    ? text
    : opens > closes
      ? text.replace('(', ' ')
      : text.replace(/\)(?=[^)]*$)/, ' ');
}

const MATHEMATICAL =
  /^(?:sqrt|sin|cos|tan|sec|csc|cot|log|exp|and|abs|max|min|inf|infinity|union|gcd|lcm|percent|pct|degrees?|xyz|abc|[a-z]{2}|[A-Z]{2,4})$/;

/** No prose in it: letters alone, names of functions, units after numbers. */
export function looksMathematical(text: string): boolean {
  const words = text.replace(/\\[a-zA-Z]+(?:\s*\{[a-zA-Z* ]+\})?/g, ' ').match(/[a-zA-Z]{2,}/g) ?? [];
  return words.every(
    (word) => MATHEMATICAL.test(word) && !/^(?:it|is|so|of|to|as|at|be|by|if|no|on|we|he)$/.test(word),
  );
}

const FINAL =
  /(?:final\s+answer\s*(?:is|:|=)|\banswers?\s+(?:is|are)\b|\b(?:option|choice)\s+is\b|\banswer\s*:|####|\banswer\b(?=\s+\(?[-+$\\]?\.?[\d\\({[A-Z]))\s*:?\**\s*/gi;

/** The text after the last "final answer is", to the end of its sentence. */
function finalRegion(text: string): string | undefined {
  for (const match of [...text.matchAll(FINAL)].reverse()) {
    const rest = text.slice(match.index + match[0].length, match.index + match[0].length + 2000);
    const nested = /^\s*(?:the\s+)?(?:final\s+)?answer\s+is\s*:?\s*/i.exec(rest)?.[0] ?? '';
    const sentence = unmarked(cutSentence(rest.slice(nested.length)));
    if (sentence.trim()) return sentence;
  }
  return undefined;
}

/** Without the marks of emphasis and quotation around it. */
const unmarked = (text: string): string => text.trim().replace(/^[*`"'_#]+|[*`"'_:]+$/g, '');

function cutSentence(text: string): string {
  const trimmed = text.replace(/^[\s*:]+/, '');
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

function lastOf(text: string, notations: readonly Notation[]): string | undefined {
  const latex = notations.includes('latex') ? delimited(text) : [];
  const plain = notations.includes('expr')
    ? expressions(text).filter((one) => !latex.some((other) => one.start < other.end && one.end > other.start))
    : [];
  const [lastLatex, lastPlain] = [latex.at(-1), plain.at(-1)];
  if (lastLatex && (!lastPlain || lastPlain.start < lastLatex.start))
    return lastJoined(latex, text, (between) =>
      !NEUTRAL.test(between) ? JOINT.test(between) && /\b(?:and|or)\b|,/.test(between) : between.includes(','),
    );
  return lastJoined(
    plain,
    text,
    (between) =>
      /^(?:\s+[a-z²³]{1,12}){0,2}\s*,?\s*\bor\b\s*(?:maybe|perhaps|possibly)?\s*$|^\s*,?\s*and\s*$/i.test(between) ||
      (/^,\s*$/.test(between) && / and |\bor\b/.test(text.slice(-60))),
  );
}

/**
 * The text of the answer in a completion, or undefined where there is none.
 * Several candidates side by side (`5 or 6`, two boxes joined by `and`) come back as one list.
 */
export function extractAnswer(
  source: string,
  places: readonly Place[],
  notations: readonly Notation[],
): string | undefined {
  const text = source.length > MAX_LENGTH ? source.slice(-MAX_LENGTH) : source;
  for (const place of places) {
    const found = extractAt(text, place, notations);
    if (found?.trim()) return found;
  }
  return undefined;
}

function extractAt(text: string, place: Place, notations: readonly Notation[]): string | undefined {
  const plain = notations.includes('expr');
  if (place === 'boxed')
    return notations.includes('latex') && text.includes('boxed')
      ? lastJoined(boxes(text), text, (between) => JOINT.test(between))
      : undefined;
  if (place === 'final-answer') {
    const region = finalRegion(text);
    if (region === undefined) return undefined;
    const inside = boxes(region).length > 0 || delimited(region).length > 0;
    if (plain && !inside && looksMathematical(region)) return region;
    return lastOf(region, notations) ?? (plain && region.length < 100 ? region : undefined);
  }
  const bare = unmarked(text);
  if (plain && bare.length < 400 && !/[$\n]|\\[([]/.test(bare) && looksMathematical(bare)) return bare;
  return lastOf(text, notations) ?? (plain && text.length < 200 ? bare : undefined);
}
