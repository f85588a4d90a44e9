import { type Decimal, decimalOf, isNear, type Tolerance } from '../../support/decimal.js';
import { UserError } from '../../support/errors.js';
import { plainCharacters } from '../answer/characters.js';
import { type Claim, claimOf, isDenied } from '../answer/claim.js';
import { withoutMarkup } from '../answer/markup.js';
import { spoken } from '../answer/spoken.js';
import type { Judgement } from '../verifier.js';

/** Characters of a completion that are searched, from its end: the answer is there. */
const SEARCHED = 20_000;

function judgement(verdict: 'correct' | 'incorrect' | 'unparseable', reason: string, answer?: string): Judgement {
  return {
    verdict,
    reward: verdict === 'correct' ? 1 : 0,
    reason,
    evidence: answer === undefined ? {} : { answer: answer.slice(0, 500) },
  };
}

const decide = (equal: boolean, what: string, answer: string): Judgement =>
  equal
    ? judgement('correct', `the ${what} equals the reference`, answer)
    : judgement('incorrect', `the ${what} differs from the reference`, answer);

export function judgeExact(
  completion: string,
  gold: string,
  { ignoreCase }: { readonly ignoreCase: boolean },
): Judgement {
  const fold = (text: string): string => (ignoreCase ? text.trim().toLowerCase() : text.trim());
  return decide(fold(completion) === fold(gold), 'completion', completion.trim());
}

/** @param compared the group `answer`, where the expression has one, must equal the gold. */
export function judgeRegex(completion: string, gold: string, pattern: RegExp, compared: boolean): Judgement {
  const match = pattern.exec(completion.slice(-SEARCHED));
  if (!match) return judgement('incorrect', 'the expression does not match the completion');
  const answer = match.groups?.answer;
  if (answer === undefined || !compared) return judgement('correct', 'the expression matches the completion', match[0]);
  return decide(answer.trim() === gold.trim(), 'matched answer', answer);
}

/** What the words around a choice make of it. */
function claimAt(text: string, match: RegExpExecArray): Claim | undefined {
  const at = match.index + match[0].lastIndexOf(match[1] ?? '');
  return claimOf(text, at, at + 1);
}

/** Forms in which a completion settles on a letter, most telling first. */
const CHOICE_FORMS = [
  String.raw`\\boxed\s*\{\s*(?:\\text\s*\{)?\s*\(?([L])\)?\s*\.?\s*\}`,
  String.raw`\banswer\b(?:\s+(?:is|choice|option))*\s*[:=]?\s*\**\s*(?:option|choice)?\s*\(?([L])\b\)?`,
  String.raw`(?:^|[\s(*])\(?([L])\)?[.)*]*\s*$`,
];

/** What stands between two choices that are named as one answer. */
const JOINED = /^[\s,;/)&}$\\(]*(?:(?:or|and|maybe|perhaps|possibly)\b[\s,($\\]*)*$/;

export function judgeChoice(completion: string, gold: string, choices: number): Judgement {
  const letters = `A-${String.fromCharCode(64 + choices)}`;
  const wanted = /^\s*\(?([A-Z])\)?[.)]?\s*$/i.exec(gold)?.[1]?.toUpperCase();
  if (!wanted || wanted.charCodeAt(0) - 64 > choices)
    throw new UserError('bad-reference', `choice: the reference is not one of the ${choices} letters from A`);
  const text = withoutMarkup(plainCharacters(spoken(completion).slice(-SEARCHED)));
  for (const form of CHOICE_FORMS) {
    const all = [...text.matchAll(new RegExp(form.replace('[L]', `[${letters}]`), 'gi'))]
      .filter((match) => match[1] === match[1]?.toUpperCase() || form !== CHOICE_FORMS[1])
      .filter((match) => claimAt(text, match) !== 'denied');
    const found = all.at(-1);
    const letter = found?.[1]?.toUpperCase();
    if (!found || !letter) continue;
    const rest = text.slice(found.index + found[0].length, found.index + found[0].length + 12);
    const several = new RegExp(
      String.raw`^[\s,;/)&}$\\]*(?:(?:or|and|maybe|perhaps|possibly)\b[\s,(]*)*\(?[${letters}]\b(?!['’ ]?[a-z])`,
    );
    const before = all.at(-2);
    const joined =
      before?.[1]?.toUpperCase() !== letter &&
      before !== undefined &&
      JOINED.test(text.slice(before.index + before[0].length, found.index));
    if (joined || several.test(rest) || claimAt(text, found) !== undefined)
      return judgement('incorrect', 'the completion names more than one choice, or doubts it', `${letter}${rest}`);
    return decide(letter === wanted, 'choice', letter);
  }
  return judgement('unparseable', 'no choice was found in the completion');
}

const NUMBER =
  /(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?(?![\w])/g;

const DECIMAL = /^([-+]?)(?:(\d+)\.?|(\d*)(\.\d+))([eE][-+]?\d{1,3})?$/;

/** The value of a number as written; undefined for text that is not a finite decimal number. */
function decimalIn(text: string): Decimal | undefined {
  const [all, sign, whole = '', integer = '', fraction = '', power = ''] =
    DECIMAL.exec(text.trim().replaceAll(',', '')) ?? [];
  if (all === undefined) return undefined;
  return decimalOf(`${sign === '-' ? '-' : ''}${whole || integer || '0'}${fraction}${power}`);
}

/** What a percent sign or a word such as "million" after a number multiplies it by, as a power of ten. */
const POWERS: readonly (readonly [RegExp, bigint])[] = [
  [/^\s*(?:\\?%|per ?cent\b|pct\b)/i, -2n],
  [/^\s+hundred\b/i, 2n],
  [/^\s+thousand\b/i, 3n],
  [/^\s+million\b/i, 6n],
  [/^\s+billion\b/i, 9n],
  [/^\s+trillion\b/i, 12n],
];

/** The end of what "answer" introduces: of its sentence, or where the reasons begin. */
const ANSWER_END = /\n|\.(?=\s|$)|\b(?:because|since|which|where|although)\b|,\s*(?=not\b)/i;

export function judgeNumeric(completion: string, gold: string, tolerance: Tolerance): Judgement {
  const wanted = decimalIn(gold);
  if (wanted === undefined) throw new UserError('bad-reference', 'numeric: the reference is not a number');
  const text = withoutMarkup(plainCharacters(spoken(completion).slice(-SEARCHED))).replaceAll('−', '-');
  const marked = [...text.matchAll(/####|\banswer\b/gi)].at(-1);
  const all = [...text.matchAll(NUMBER)].map((match) => ({
    at: match.index,
    end: match.index + match[0].length,
    text: match[0],
  }));
  const numbers = all.filter(({ at, end }) => !isDenied(text, at, end));
  const from = marked ? marked.index + marked[0].length : 0;
  const length = ANSWER_END.exec(text.slice(from).replace(/^[\s:*]+/, (gap) => ' '.repeat(gap.length)))?.index;
  const equals = text.slice(from, length === undefined ? undefined : from + length).lastIndexOf('=');
  const claimed = marked
    ? numbers.filter(({ at, end }) => at > from + equals && (length === undefined || end <= from + length))
    : [];
  const answer = claimed[0] ?? numbers.at(-1);
  if (answer === undefined || (marked && claimed.length === 0 && all.some(({ at }) => at >= from)))
    return judgement('unparseable', 'no number was found in the completion');
  if (new Set(claimed.map((number) => number.text)).size > 1)
    return judgement('incorrect', 'the completion names more than one number', answer.text);
  const claim = claimOf(text, answer.at, answer.end);
  // What is only about right may be right within an absolute tolerance.
  if (claim !== undefined && !(claim === '≈' && tolerance.absolute > 0))
    return judgement('incorrect', 'the completion only bounds, changes or doubts the number', answer.text);
  const rest = text.slice(answer.end);
  const power = POWERS.find(([unit]) => unit.test(rest))?.[1] ?? 0n;
  const said = decimalIn(answer.text);
  const value = said && { ...said, exponent: said.exponent + power };
  const counted = /^\s+(?:dozen|score|gross)\b/i.test(rest);
  return decide(value !== undefined && !counted && isNear(value, wanted, tolerance), 'number', answer.text);
}

/** @throws {UserError} `bad-field` for text that is not a regular expression */
export function compileExpression(pattern: string, flags: string, where: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch {
    throw new UserError(
      'bad-field',
      `${where}: found text that is not a regular expression, expected one of JavaScript`,
    );
  }
}

/** Whether the whole completion matches the expression, whatever it says. */
export function judgeFormat({ pattern }: { readonly pattern: string }, completion: string): Judgement {
  const fits = new RegExp(`^(?:${pattern})$`, 'su').test(completion);
  return fits
    ? { verdict: 'correct', reward: 1, reason: 'the completion has the asked form', evidence: {} }
    : { verdict: 'incorrect', reward: 0, reason: 'the completion does not have the asked form', evidence: {} };
}
