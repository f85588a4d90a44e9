import { type Claim, claimOf } from '../../answer/claim.js';
import { pattern } from '../../pattern.js';
import { readUnit } from '../evaluate/units.js';
import { closing } from '../parse/lexer.js';
import { unitAfter } from './unit-after.js';

/** Part of a completion that may be its answer. */
export interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The unit after it in prose, and where it begins. */
  readonly unit?: string;
  readonly valueEnd?: number;
}

/** An answer and what the words around it make of it. */
export interface Asserted {
  readonly text: string;
  readonly claim?: Claim;
}

/** "for all $x$": a name mentioned in prose. */
const ASIDE =
  /\b(?:for (?:all|every|any|each|some)|where|when|with|in terms of|respect to)(?: real| positive| integers?)*\s*$/i;
const LONE_NAME = /^\s*\\?[a-zA-Z]+(?:_\w)?\s*$/;

const isAnswer = (text: string, { start, text: found }: Candidate): boolean =>
  !(LONE_NAME.test(found) && ASIDE.test(text.slice(Math.max(0, start - 60), start)));

/** A box that is not shown, or is crossed out. */
const HIDDEN = /\\(?:[hv]?phantom|sout|st|[bx]?cancel)\s*\{[\s$]*$/;

export function boxes(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const match of text.matchAll(/\\(?:boxed|fbox|framebox)\s*(?:\{|([a-zA-Z\d]))/g)) {
    const outer = found.at(-1);
    if (outer && match.index < outer.end) continue;
    const open = match.index + match[0].length - 1;
    const end = match[1] ? open : closing(text, open);
    found.push({ start: match.index, end: end + 1, text: match[1] ?? text.slice(open + 1, end) });
  }
  return found.filter((box) => isAnswer(text, box) && !HIDDEN.test(text.slice(Math.max(0, box.start - 30), box.start)));
}

// A nested opening delimiter restarts the match, so that a text of delimiters alone takes linear time.
const DELIMITED = pattern(
  'g',
  String.raw`\\\[((?:(?!(?<!\\)\\\[)[\s\S])+?)\\\]|(?<!\\)\$\$([\s\S]+?)(?<!\\)\$\$|(?<!\\)\\\(((?:(?!(?<!\\)`,
  String.raw`\\\()[^\n])+?)\\\)|(?<![\\$])\$((?:\\.|[^$\n\\])+)\$|(\\begin\{(equation|align|eqnarray|gather|`,
  String.raw`multline)\*?\}(?:(?!\\begin\{\6)[\s\S])+?\\end\{\6\*?\})`,
);
/** `12 cm$^2$` */
const POWER_OF_PROSE = /^\s*[_^]/;

/** `$9 * 2 = $18`: dollar signs of two prices, not delimiters. */
const isPrice = (text: string, { start, end, text: found }: Candidate): boolean =>
  text[start] === '$' && /\d/.test(text.charAt(end)) && /^\d/.test(found) && /[\s*(=+/-]$/.test(found);

/** LaTeX between delimiters. */
export function delimited(text: string): readonly Candidate[] {
  return [...text.matchAll(DELIMITED)]
    .map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      text: (match[1] ?? match[2] ?? match[3] ?? match[4] ?? match[5] ?? '').replace(/^\s*~+/, ' '),
    }))
    .filter((one) => isAnswer(text, one) && !POWER_OF_PROSE.test(one.text) && !isPrice(text, one));
}

const NUMBER = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?|\.\d+)`;
const COORDINATE = String.raw`\s*[-+−]?[ ]?(?:${NUMBER}(?:[ ]?/[ ]?\d+)?|∞|inf(?:inity)?|oo)\s*`;
const PIECE = String.raw`[([]${COORDINATE}(?:[,;]${COORDINATE})+[)\]]`;
const PIECES = String.raw`(?<![\w)\]])${PIECE}(?:\s*(?:∪|\bU\b|\\cup)\s*${PIECE})*`;
const ORDER = String.raw`\s*(?:<=|>=|[<>≤≥])\s*`;
const FACTOR = String.raw`(?:[ ]?(?:[*/+^×÷:]|-(?=[ ]?\d))[ ]?\(?-?${NUMBER}\)?!?)*`;
const TERM = String.raw`[-+−]?[ ]?(?:\\?\$|[€£¥₹₩₽₺₫])?[ ]?\(?[-+]?${NUMBER}\)?!?${FACTOR}`;
const LEFT_SIDE = String.raw`(?:(?:(?=(?<side>${TERM}))\k<side>${ORDER})?\b[a-z]${ORDER})?`;
const SCALE = String.raw`(?:[ ]?(?:%|percent\b|percentage\b|pct\b)|[ ](?:thousand|[mb]illion)\b)?`;
const FORMULA = String.raw`(?<![\w.\\^]|\^[{(]-?)(?<!\d[ ]?)${LEFT_SIDE}${TERM}(?:[ ]\d+\/\d+)?${SCALE}`;
const GROUP = String.raw`\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}`;
/** LaTeX without delimiters: a fraction or a root and the terms around it. */
const COMMAND = String.raw`\\(?:[dt]?frac${GROUP}${GROUP}|sqrt(?:\[\d+\])?(?:${GROUP}|\d)|pi\b)`;
const OPERATOR = String.raw`(?:[-+*/]|\\cdot|\\times)`;
const BEFORE = String.raw`(?:(?<![\w.])-?[ ]?(?:${NUMBER})?[ ]?(?:${OPERATOR}[ ]?)?)?`;
const LOOSE = `${BEFORE}${COMMAND}(?:[ ]?${OPERATOR}?[ ]?(?:${COMMAND}|${NUMBER}))*`;
const EXPRESSION = new RegExp(`${PIECES}|${LOOSE}|${FORMULA}`, 'g');

/** Numbers, intervals and formulas in prose. */
export function expressions(text: string): readonly Candidate[] {
  return [...text.matchAll(EXPRESSION)]
    .map((match) => ({ start: match.index, end: match.index + match[0].length, text: balanced(match[0]) }))
    .filter((one) => isAnswer(text, one));
}

/** Drops brackets whose partner is outside the expression. */
function balanced(text: string): string {
  const opens = text.split('(').length;
  const closes = text.split(')').length;
  if (opens === closes || /^[([].*[,;].*[)\]]$/s.test(text)) return text;
  return opens > closes ? text.replace('(', ' ') : text.replace(/\)(?=[^)]*$)/, ' ');
}

/** The text between two boxes of one answer: punctuation, `and`, `or`, a word or two. */
const BOX_JOINT = pattern(
  'i',
  String.raw`^(?:\s|\\[a-z]*quad|\\[,;!() ]|[$+.,;&}\\()]|\band\/(?=or\b)|\\text\s*\{[^{}]{0,30}\}?|` +
    String.raw`\b(?!so|thus|hence|is|the|`,
  String.raw`then|therefore|which|finally|now|get|gets|gives|giving)[a-z]{1,12}\b){0,24}$`,
);
const NEUTRAL = /^(?:[\s$,;}]|\\[,;!() ]|\\q?quad)*$/;
const PROSE_JOINT = pattern(
  'i',
  String.raw`^(?:\s+[a-z²³]{1,12}){0,2}\s*,?\s*\bor\b\s*(?:maybe|perhaps|possibly)?\s*(?:[a-z]\s*=\s*)?$|^\s*`,
  String.raw`,?\s*(?:and|to|through|until|–|—)\s*(?:[a-z]\s*=\s*)?$`,
);
/** "$\sqrt3$, approximately $1.732$": the second is the first, rounded. */
const ROUNDING = pattern(
  'i',
  String.raw`^[\s,.;$)]*(?:\(\s*)?(?:or |which is |that is |i\.e\.,? )?(?:approximately|approx\.?|about|`,
  String.raw`roughly|around|nearly|≈|\\approx)\s*(?:equal to )?\$*\s*$`,
);

/** `5` and `minutes` as one candidate. */
function measured(source: string, found: Candidate): Candidate {
  const unit = unitAfter(source.slice(found.end, found.end + 60), PLAIN_NUMBER.test(found.text));
  if (!unit) return found;
  return {
    ...found,
    end: found.end + unit.length,
    valueEnd: found.end,
    text: `${/[-+/]/.test(found.text) ? `(${found.text})` : found.text}${unit.text}`,
    unit: unit.text,
  };
}

const PLAIN_NUMBER = /\d\s*\)?$/;

type Joint = (between: string, before: Candidate, after: Candidate) => boolean;

export const boxJoint: Joint = (between) => BOX_JOINT.test(between);
const latexJoint: Joint = (between) =>
  NEUTRAL.test(between) ? between.includes(',') : BOX_JOINT.test(between) && /\b(?:and|or|to)\b|,/.test(between);

/** Drops the candidates at the end that are denied, asked for or supposed, and repetitions of them. */
function undenied(found: readonly Candidate[], source: string): readonly Candidate[] {
  const left = [...found];
  const denied = new Set<string>();
  for (let last = left.at(-1); last; last = left.at(-1)) {
    const text = last.text.trim();
    if (!denied.has(text)) {
      if (claimOf(source, last.start, last.end) !== 'denied') break;
      denied.add(text);
    }
    left.pop();
  }
  return left;
}

/** `2 hours` and `30 minutes` are one quantity. */
const isQuantity = (first: Candidate, second: Candidate, between: string): boolean =>
  /^\s*(?:,?\s*and\s+|,\s*)?$/.test(between) &&
  first.unit !== second.unit &&
  dimensionOf(first) !== undefined &&
  dimensionOf(first) === dimensionOf(second);

const dimensionOf = ({ unit }: Candidate): string | undefined =>
  unit === undefined ? undefined : readUnit(unit.replace(/^\\text\{|\}$/g, ''))?.dimension;

/**
 * The last candidate that is not denied and those directly before it that belong to the same answer, as one list.
 * `every`: all candidates belong to the same answer, as they do in one sentence.
 */
export function lastJoined(
  all: readonly Candidate[],
  source: string,
  joint: Joint,
  every = false,
): Asserted | undefined {
  const found = undenied(all, source);
  const final = found.at(-1);
  if (!final) return all.length > 0 ? { text: '', claim: 'denied' } : undefined;
  let index = found.length - 1;
  const rounded = found[index - 1];
  if (rounded && ROUNDING.test(source.slice(rounded.end, final.start))) index--;
  const last = measured(source, found[index] ?? final);
  const parts = [last.text];
  let [alternatives, range] = [true, false];
  let first = last;
  for (; index > 0; index--) {
    const previous = found[index - 1];
    if (!previous) break;
    const before = measured(source, previous);
    const between = source.slice(before.end, first.start);
    if (isQuantity(before, first, between)) {
      parts[0] = `${before.text}${parts[0]}`;
      first = { ...before, unit: first.unit ?? '' };
      continue;
    }
    if (!every && (between.length > 60 || !joint(between, before, first))) break;
    if (every && (LONE_NAME.test(before.text) || claimOf(source, before.start, before.end) === 'denied')) continue;
    parts.unshift(before.text);
    alternatives &&= /\bor\b/.test(between);
    range ||= /\b(?:to|through|until)\b|[–—]/.test(between);
    first = before;
  }
  const distinct = [...new Set(parts.map((part) => part.trim()))];
  const text =
    distinct.length === 1 ? (distinct[0] ?? '') : distinct.join(range ? ' : ' : alternatives ? ' or ' : ' , ');
  const claim =
    claimOf(source, first.start, first.valueEnd ?? first.end) ?? claimOf(source, last.start, last.valueEnd ?? last.end);
  return claim ? { text, claim } : { text };
}

/** The last LaTeX or plain expression, whichever comes later. `every`: all of the expressions together. */
export function lastExpression(
  text: string,
  range: Range,
  latex: boolean,
  plain: boolean,
  every = false,
): Asserted | undefined {
  const inside = (found: readonly Candidate[]): readonly Candidate[] =>
    found.map((one) => ({ ...one, start: one.start + range.start, end: one.end + range.start }));
  const part = text.slice(range.start, range.end);
  const marked = latex ? inside(delimited(part)) : [];
  const loose = plain
    ? inside(expressions(part)).filter((one) => !marked.some((other) => one.start < other.end && one.end > other.start))
    : [];
  const found = [...marked, ...loose].sort((a, b) => a.start - b.start);
  const listed = / and |\bor\b/.test(part.slice(-60));
  const inWords: Joint = (between) => PROSE_JOINT.test(between) || (listed && /^,\s*$/.test(between));
  const ofLatex = new Set(marked.map(({ start }) => start));
  return lastJoined(
    found,
    text,
    (between, before, after) =>
      ofLatex.has(before.start) && ofLatex.has(after.start)
        ? latexJoint(between, before, after)
        : inWords(
            between.replace(/^[$\s]+|[$\s]+$/g, (gap) => ' '.repeat(gap.length)),
            before,
            after,
          ),
    every,
  );
}

export interface Range {
  readonly start: number;
  readonly end: number;
}
