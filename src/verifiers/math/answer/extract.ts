import { plainCharacters } from '../../answer/characters.js';
import { type Claim, claimOf } from '../../answer/claim.js';
import { withoutMarkup } from '../../answer/markup.js';
import { spoken } from '../../answer/spoken.js';
import { pattern } from '../../pattern.js';
import { isMoment } from '../compare/calendar.js';
import { BASE, baseOf } from '../parse/spelling.js';
import type { Notation, Place } from '../settings.js';
import { type Asserted, boxes, boxJoint, delimited, lastExpression, lastJoined, type Range } from './candidates.js';
import { lastBox } from './last-box.js';

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

/** What follows "the answer is" up to the reasons for it. */
const REASON =
  /[\s,(]+(?:because|since|which|although|though|whereas|where(?!as)|as (?:we|it|this|there|the)|being|given that|for which)\b/i;

/** Earlier statements are not read: a text of denials would take too long. */
const MAX_STATEMENTS = 20;

/** The sentences after "final answer is" and the like, last first. */
function finalRegions(text: string): readonly Range[] {
  return [...text.matchAll(FINAL)]
    .slice(-MAX_STATEMENTS)
    .reverse()
    .flatMap((match) => {
      const from = match.index + match[0].length;
      const rest = text.slice(from, from + 2000);
      const nested = /^\s*(?:the\s+)?(?:final\s+)?answer\s+is\s*:?\s*/i.exec(rest)?.[0] ?? '';
      const lead = nested.length + (/^[\s*:}]+/.exec(rest.slice(nested.length))?.[0].length ?? 0);
      const sentence = cutSentence(rest.slice(lead));
      const said = sentence.slice(0, REASON.exec(sentence)?.index ?? sentence.length);
      return said.trim() ? [{ start: from + lead, end: from + lead + said.length }] : [];
    });
}

/** Removes surrounding emphasis and quotation marks. */
const unmarked = (text: string): string =>
  text
    .trim()
    .replace(/^[*`"#]+|[*`":]+$/g, '')
    .replace(/^(['_])([\s\S]*)\1$/, '$2');

function cutSentence(trimmed: string): string {
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

/** Where an answer is looked for. */
interface Search {
  readonly answer: 'boxed' | 'last' | 'any';
  readonly places: readonly Place[];
  readonly notations: readonly Notation[];
}

/**
 * The text of the answer in a completion and what the words around it make of it; undefined if there is none.
 * Adjacent candidates (`5 or 6`, two boxes joined by `and`) are returned as one list.
 */
export function extractAnswer(source: string, { answer, places, notations }: Search): Asserted | undefined {
  const text = stated(source.length > MAX_LENGTH ? source.slice(-MAX_LENGTH) : source);
  if (answer === 'boxed') return onlyBox(text);
  if (answer === 'last') return lastLine(text);
  let denied: Asserted | undefined;
  for (const place of places) {
    // What a completion denies is not looked for in its prose.
    if (denied && place === 'last') break;
    const found = extractAt(text, place, notations);
    if (found?.claim === 'denied') denied ??= found;
    else if (found && (found.claim || found.text.trim())) return found;
  }
  return denied;
}

/** The only box, or several that are one list; hedged if there are others. */
function onlyBox(text: string): Asserted | undefined {
  const found = boxes(text);
  const answer = lastBox(text);
  const last = found.at(-1);
  // A box that is not closed may be cut off.
  if (!answer || !last || last.end > text.length) return undefined;
  const parts = new Set(answer.text.split(/ (?:or|,) /).map((part) => part.trim()));
  const others = found.some((box) => !parts.has(box.text.trim()) && box.text.trim() !== answer.text.trim());
  return others ? { text: answer.text, claim: 'hedged' } : answer;
}

/** The last line: the answer alone, in a box, or after "answer" or `####`. */
function lastLine(text: string): Asserted | undefined {
  const trimmed = text.trimEnd();
  const from = trimmed.lastIndexOf('\n') + 1;
  const line = trimmed.slice(from);
  if (boxes(line).length > 0) return onlyBox(line);
  const marked = [...line.matchAll(FINAL)].at(-1);
  const start = from + (marked ? marked.index + marked[0].length : 0);
  const bare = unmarked(trimmed.slice(start)).replace(/^[\s:]+|[\s.]+$/g, '');
  const words = marked ? '(?:[a-z]+ ){0,3}' : '';
  const quantity = new RegExp(String.raw`^${words}[-+]?[\d.,/]+(?:\s+[a-z²³/^]{1,15}){0,2}$`, 'i').test(bare);
  const latex = /^(?:\$[^$]+\$|\\\(.*\\\)|\\\[.*\\\])$/.test(bare);
  const worded = marked !== undefined && !/\d/.test(bare) && bare.length < 100;
  if (!bare || !(looksMathematical(bare) || latex || isMoment(bare) || quantity || worded)) return undefined;
  return answerIn(trimmed, { start, end: trimmed.length }, true, true);
}

/** What is said outside the thinking, without markup and chat markers and with signs instead of their names. */
function stated(source: string): string {
  const text = plainCharacters(withoutMarkup(spoken(source)))
    .replace(/<\/?(?:s|answer|final|solution)>|<\|[a-z_]+\|>/g, ' ')
    .replace(/\b(?:negative|minus)\s+(?=[\d.])/g, '-');
  return /base|binary|octal|\\text/i.test(text)
    ? text.replace(BASE, (_, digits = '', base, named) => `${digits}_{${baseOf(base ?? named ?? '')}}`)
    : text;
}

function extractAt(text: string, place: Place, notations: readonly Notation[]): Asserted | undefined {
  const [latex, plain] = [notations.includes('latex'), notations.includes('expr')];
  if (place === 'boxed') return latex ? lastBox(text) : undefined;
  if (place === 'final-answer') return finalAnswer(text, latex, plain);
  const bare = unmarked(text);
  if (plain && bare.length < 400 && !/[$\n]|\\[([]/.test(bare) && (looksMathematical(bare) || isMoment(bare)))
    return { text: bare };
  return (
    lastExpression(text, { start: 0, end: text.length }, latex, plain) ??
    (plain && text.length < 200 ? { text: bare } : undefined)
  );
}

function finalAnswer(text: string, latex: boolean, plain: boolean): Asserted | undefined {
  let denied: Asserted | undefined;
  for (const range of finalRegions(text)) {
    const found = answerIn(text, range, latex, plain);
    if (found?.claim !== 'denied') return found;
    denied ??= found;
  }
  return denied;
}

const VERB = /\b(?:is|are|equals?|gives?|makes?|totals?|so|hence|thus|therefore|i\.e\.)\s|[=:]\s*(?=\$|\\\(|[-+]?\d)/gi;

function answerIn(text: string, range: Range, latex: boolean, plain: boolean): Asserted | undefined {
  const region = text.slice(range.start, range.end);
  const bare = unmarked(region);
  const boxed = latex ? boxes(text).filter(({ start, end }) => start >= range.start && end <= range.end) : [];
  if (boxed.length > 0) return lastJoined(boxed, text, boxJoint);
  const inside = boxes(region).length > 0 || delimited(region).length > 0;
  if (plain && !inside && (looksMathematical(bare) || isMoment(bare))) return withClaim(text, range, bare);
  const verb = [...region.matchAll(VERB)].at(-1);
  const from = verb && !inside ? range.start + verb.index + verb[0].length : range.start;
  const after = lastExpression(text, { start: from, end: range.end }, latex, plain, true);
  const found = after ?? lastExpression(text, range, latex, plain, true);
  return found ?? (plain && region.length < 100 ? withClaim(text, range, bare) : undefined);
}

function withClaim(text: string, { start, end }: Range, found: string): Asserted {
  const claim: Claim | undefined = claimOf(text, start, end);
  return claim ? { text: found, claim } : { text: found };
}
