import { type Decimal, decimalOf, isNear, type Tolerance } from '../../support/decimal.js';
import { UserError } from '../../support/errors.js';
import { isDenied } from '../answer/denial.js';
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

/** Forms in which a completion settles on a letter, most telling first. */
const CHOICE_FORMS = [
  String.raw`\\boxed\s*\{\s*(?:\\text\s*\{)?\s*\(?([L])\)?\s*\.?\s*\}`,
  String.raw`\banswer\b(?:\s+(?:is|choice|option))*\s*[:=]?\s*\**\s*(?:option|choice)?\s*\(?([L])\b\)?`,
  String.raw`(?:^|[\s(*])\(?([L])\)?[.)*]*\s*$`,
];

export function judgeChoice(completion: string, gold: string, choices: number): Judgement {
  const letters = `A-${String.fromCharCode(64 + choices)}`;
  const wanted = /^\s*\(?([A-Z])\)?[.)]?\s*$/i.exec(gold)?.[1]?.toUpperCase();
  if (!wanted || wanted.charCodeAt(0) - 64 > choices)
    throw new UserError('bad-reference', `choice: the reference is not one of the ${choices} letters from A`);
  const text = completion.slice(-SEARCHED);
  for (const form of CHOICE_FORMS) {
    const found = [...text.matchAll(new RegExp(form.replace('[L]', `[${letters}]`), 'gi'))]
      .filter((match) => match[1] === match[1]?.toUpperCase() || form !== CHOICE_FORMS[1])
      .filter((match) => !isDenied(text, match.index + match[0].lastIndexOf(match[1] ?? '')))
      .at(-1);
    const letter = found?.[1]?.toUpperCase();
    if (!found || !letter) continue;
    const rest = text.slice(found.index + found[0].length, found.index + found[0].length + 12);
    if (new RegExp(String.raw`^\s*(?:,|or|and|/)\s*\(?[${letters}]\b`).test(rest))
      return judgement('incorrect', 'the completion names more than one choice', `${letter}${rest}`);
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

export function judgeNumeric(completion: string, gold: string, tolerance: Tolerance): Judgement {
  const wanted = decimalIn(gold);
  if (wanted === undefined) throw new UserError('bad-reference', 'numeric: the reference is not a number');
  const text = completion.slice(-SEARCHED).replaceAll('−', '-');
  const marked = [...text.matchAll(/####|\banswer\b/gi)].at(-1);
  const numbers = [...text.matchAll(NUMBER)].filter(({ index }) => !isDenied(text, index));
  const after = marked ? numbers.filter(({ index }) => index > marked.index) : [];
  const answer = (after[0] ?? numbers.at(-1))?.[0];
  if (answer === undefined) return judgement('unparseable', 'no number was found in the completion');
  if (new Set(after.map((match) => match[0])).size > 1 && /\bor\b/i.test(text.slice(marked?.index)))
    return judgement('incorrect', 'the completion names more than one number', answer);
  const said = decimalIn(answer);
  return decide(said !== undefined && isNear(said, wanted, tolerance), 'number', answer);
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
