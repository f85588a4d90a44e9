import { isDenied } from '../../answer/denial.js';
import { pattern } from '../../pattern.js';
import { closing } from '../parse/lexer.js';

/** Part of a completion that may be its answer. */
export interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** "for all $x$": a name mentioned in prose. */
const ASIDE =
  /\b(?:for (?:all|every|any|each|some)|where|when|with|in terms of|respect to)(?: real| positive| integers?)*\s*$/i;
const LONE_NAME = /^\s*\\?[a-zA-Z]+(?:_\w)?\s*$/;

function isAnswer(text: string, { start, text: found }: Candidate): boolean {
  return !isDenied(text, start) && !(LONE_NAME.test(found) && ASIDE.test(text.slice(Math.max(0, start - 60), start)));
}

export function boxes(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const match of text.matchAll(/\\(?:boxed|fbox)\s*(?:\{|([a-zA-Z\d]))/g)) {
    const outer = found.at(-1);
    if (outer && match.index < outer.end) continue;
    const open = match.index + match[0].length - 1;
    const end = match[1] ? open : closing(text, open);
    found.push({ start: match.index, end: end + 1, text: match[1] ?? text.slice(open + 1, end) });
  }
  return found.filter((box) => isAnswer(text, box));
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

/** LaTeX between delimiters. */
export function delimited(text: string): readonly Candidate[] {
  return [...text.matchAll(DELIMITED)]
    .map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      text: match[1] ?? match[2] ?? match[3] ?? match[4] ?? match[5] ?? '',
    }))
    .filter((one) => isAnswer(text, one) && !POWER_OF_PROSE.test(one.text));
}

const NUMBER = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?|\.\d+)`;
const COORDINATE = String.raw`\s*[-+−]?[ ]?(?:${NUMBER}(?:[ ]?/[ ]?\d+)?|∞|inf(?:inity)?|oo)\s*`;
const PIECE = String.raw`[([]${COORDINATE}(?:[,;]${COORDINATE})+[)\]]`;
const PIECES = String.raw`(?<![\w)\]])${PIECE}(?:\s*(?:∪|\bU\b|\\cup)\s*${PIECE})*`;
const ORDER = String.raw`\s*(?:<=|>=|[<>≤≥])\s*`;
const FACTOR = String.raw`(?:[ ]?(?:[*/+^×÷:]|-(?=[ ]?\d))[ ]?\(?-?${NUMBER}\)?!?)*`;
const TERM = String.raw`[-+−]?[ ]?[$€£]?[ ]?\(?[-+]?${NUMBER}\)?!?${FACTOR}`;
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
  String.raw`^(?:\s|\\[a-z]*quad|\\[,;!() ]|[$+.,;&}\\]|\\text\s*\{[^{}]{0,30}\}?|\b(?!so|thus|hence|is|the|`,
  String.raw`then|therefore|which|finally|now|get|gets|gives|giving)[a-z]{1,12}\b){0,24}$`,
);
const NEUTRAL = /^(?:[\s$,;}]|\\[,;!() ]|\\q?quad)*$/;
const PROSE_JOINT = pattern(
  'i',
  String.raw`^(?:\s+[a-z²³]{1,12}){0,2}\s*,?\s*\bor\b\s*(?:maybe|perhaps|possibly)?\s*(?:[a-z]\s*=\s*)?$|^\s*`,
  String.raw`,?\s*and\s*(?:[a-z]\s*=\s*)?$`,
);
/** "$\sqrt3$, approximately $1.732$": the second is the first, rounded. */
const ROUNDING = pattern(
  'i',
  String.raw`^[\s,.;$)]*(?:\(\s*)?(?:or |which is |that is |i\.e\.,? )?(?:approximately|approx\.?|about|`,
  String.raw`roughly|around|nearly|≈|\\approx)\s*(?:equal to )?\$*\s*$`,
);

type Joint = (between: string) => boolean;

const boxJoint: Joint = (between) => BOX_JOINT.test(between);
const latexJoint: Joint = (between) =>
  NEUTRAL.test(between) ? between.includes(',') : BOX_JOINT.test(between) && /\b(?:and|or)\b|,/.test(between);

/** The last candidate and those directly before it that belong to the same answer, as one list. */
function lastJoined(found: readonly Candidate[], source: string, joint: Joint): string | undefined {
  let index = found.length - 1;
  const rounded = found[index - 1];
  const final = found[index];
  if (!final) return undefined;
  if (rounded && ROUNDING.test(source.slice(rounded.end, final.start))) index--;
  const last = found[index] ?? final;
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

export const lastBox = (text: string): string | undefined => lastJoined(boxes(text), text, boxJoint);

/** The last LaTeX or plain expression, whichever comes later. */
export function lastExpression(text: string, latex: boolean, plain: boolean): string | undefined {
  const marked = latex ? delimited(text) : [];
  const loose = plain
    ? expressions(text).filter((one) => !marked.some((other) => one.start < other.end && one.end > other.start))
    : [];
  const [lastMarked, lastLoose] = [marked.at(-1), loose.at(-1)];
  if (lastMarked && (!lastLoose || lastLoose.start < lastMarked.start)) return lastJoined(marked, text, latexJoint);
  const listed = / and |\bor\b/.test(text.slice(-60));
  return lastJoined(loose, text, (between) => PROSE_JOINT.test(between) || (listed && /^,\s*$/.test(between)));
}
