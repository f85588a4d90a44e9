import { plainCharacters } from '../answer/characters.js';
import { pattern } from '../pattern.js';
import type { Judgement } from '../verifier.js';
import { repeatsQuestion } from './answer/echo.js';
import { extractAnswer, looksMathematical } from './answer/extract.js';
import { coreOf, innerClaim } from './answer/inner.js';
import { inDigits } from './answer/number-words.js';
import { compareMoments } from './compare/calendar.js';
import { compareNodes } from './compare/compare.js';
import { best, type Outcome } from './compare/expressions.js';
import { letters } from './compare/normal.js';
import { type Node, ParseFailure } from './parse/ast.js';
import { parse } from './parse/parser.js';
import { type MathOptions, type MathSettings, readMathSettings } from './settings.js';

/** Maximum nodes evaluated per comparison: about 100 ms. */
const BUDGET = 200_000;
const LONGEST_ANSWER = 5000;

const judgement = (
  verdict: 'correct' | 'incorrect' | 'unparseable',
  reason: string,
  extracted?: string,
): Judgement => ({
  verdict,
  reward: verdict === 'correct' ? 1 : 0,
  reason,
  evidence: extracted === undefined ? {} : { answer: extracted.slice(0, 500) },
});

/**
 * Judges whether a completion's answer equals the reference mathematically.
 * The reference is trusted, the answer is read strictly, and whatever cannot be decided is not correct.
 * @param question if given, an answer that only repeats its calculation is incorrect
 * @throws {UserError} for a setting that is unknown or out of range
 * @example compareMath('\\frac{1}{2}', 'The answer is $0.5$.').verdict // 'correct'
 */
export function compareMath(
  gold: string,
  answer: string,
  options?: MathOptions & { readonly question?: string },
): Judgement {
  if (!options) return judgeMath(gold, answer, DEFAULTS);
  const { question, ...rest } = options;
  return judgeMath(gold, answer, readMathSettings(rest), question);
}

const DEFAULTS = readMathSettings({});

/** The reason for the verdict, or the relation in front of the answer. */
const CLAIMS = {
  denied: 'the completion denies, asks or supposes its answer',
  '!=': '\\ne',
  hedged: 'the answer is uncertain or one of several',
  changed: 'the answer is only a part of what the completion says',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '≈': '\\approx',
} as const;

/** `compareMath` with settings that are already checked. */
export function judgeMath(gold: string, answer: string, settings: MathSettings, question?: string): Judgement {
  const asserted = extractAnswer(answer, settings);
  if (asserted === undefined) return judgement('unparseable', 'no answer was found in the completion');
  const claim = asserted.claim ?? innerClaim(asserted.text);
  if (claim === 'denied' || claim === 'hedged' || claim === 'changed')
    return judgement('incorrect', CLAIMS[claim], asserted.text);
  const found = claim ? `${CLAIMS[claim]} ${coreOf(asserted)}` : asserted.text;
  if (found.length > LONGEST_ANSWER) return judgement('unparseable', 'the answer is too long to be read', found);
  const reference = goldOf(plainCharacters(gold), settings);
  const moments = compareMoments(reference, found);
  if (moments !== undefined) return conclude(moments, found);
  const chosen = withoutChoices(inDigits(reference), inDigits(found));
  if (typeof chosen === 'boolean')
    return judgement(chosen ? 'correct' : 'incorrect', `the choice ${chosen ? 'is' : 'is not'} the reference's`, found);
  const [goldText, extracted] = [decimalComma(...chosen), decimalComma(chosen[1], chosen[0])];
  if (question !== undefined && repeatsQuestion(goldText, extracted, question))
    return judgement('incorrect', 'the answer repeats the calculation that the question asks for', extracted);
  if (plainText(goldText) === plainText(extracted))
    return judgement('correct', 'the answer is written as the reference is', extracted);
  const goldNode = attempt(goldText);
  if (isProse(extracted) && !(goldNode instanceof ParseFailure) && letters(goldNode) === undefined)
    return judgement('unparseable', 'no mathematics was found in the completion', extracted);
  const answerNode = attempt(extracted);
  if (answerNode instanceof ParseFailure)
    return judgement('unparseable', `the answer could not be read: ${answerNode.message}`, extracted);
  if (goldNode instanceof ParseFailure)
    return judgement(
      'incorrect',
      'unsure: the reference is not mathematics that is known here, and the texts differ',
      extracted,
    );
  const outcome = decide(goldNode, answerNode, settings);
  if (outcome === 'yes' || (listed(goldText) === goldText && listed(extracted) === extracted))
    return conclude(outcome, extracted);
  const [goldList, answerList] = [attempt(listed(goldText)), attempt(listed(extracted))];
  if (goldList instanceof ParseFailure || answerList instanceof ParseFailure) return conclude(outcome, extracted);
  return conclude(best([outcome, decide(goldList, answerList, settings)]), extracted);
}

function conclude(outcome: Outcome, extracted: string): Judgement {
  if (outcome === 'yes') return judgement('correct', 'the answer equals the reference', extracted);
  if (outcome === 'no') return judgement('incorrect', 'the answer differs from the reference', extracted);
  return judgement('incorrect', 'unsure: equality with the reference could not be decided', extracted);
}

function decide(gold: Node, answer: Node, settings: MathSettings): Outcome {
  const budget = { steps: BUDGET };
  try {
    const context = { ...settings, budget };
    const plain = compareNodes(gold, answer, context);
    const [goldContent, answerContent] = [contentOf(gold), contentOf(answer)];
    const outcome =
      plain === 'yes' || (goldContent === gold && answerContent === answer)
        ? plain
        : best([plain, compareNodes(goldContent, answerContent, context)]);
    return outcome === 'yes' && budget.steps < 0 ? 'unsure' : outcome;
  } catch (error) {
    if (error instanceof ParseFailure) return 'unsure';
    throw error;
  }
}

/** `0,1` is either a decimal or two items. */
const listed = (text: string): string => text.replace(/(?<![\d.,])0,(?=\d)/g, '0, ');

function attempt(text: string): Node | ParseFailure {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    const whole = mended(text);
    return whole === text ? error : attempt(whole);
  }
}

/** Closes braces that are left open and drops those that close nothing. */
function mended(text: string): string {
  let open = 0;
  const kept = text.replace(/\\[{}]|[{}]/g, (brace) => {
    if (brace === '{') open++;
    else if (brace === '}' && open === 0) return '';
    else if (brace === '}') open--;
    return brace;
  });
  return kept + '}'.repeat(open);
}

const CHOICE = pattern(
  '',
  String.raw`^\s*(?:\\(?:text|textbf|mathrm|mathbf|bf)\s*\{?\s*)?(?:\(([A-J])\)|([A-J])[).])\s*\}?(?:\s|~|`,
  String.raw`\\[,;: ]|\\q?quad(?![a-z]))*((?![+*/^=_(<>|])[\s\S]*)$`,
);

/** `(B) 12`: a choice with its letter and its content. */
function choice(text: string): { readonly letter: string; readonly rest: string } | undefined {
  const [, bracketed, marked, rest = ''] = CHOICE.exec(text) ?? [];
  const letter = bracketed ?? marked;
  return letter === undefined ? undefined : { letter, rest };
}

/** Both sides without their choice letters if at least one has a letter and content, or whether two letters agree. */
function withoutChoices(gold: string, answer: string): readonly [string, string] | boolean {
  const [g, a] = [choice(gold), choice(answer)];
  const letter = /^\s*(?:\\text(?:bf)?\s*\{)?\s*\(?([A-Z])\)?\s*\}?\s*$/;
  const [goldLetter, answerLetter] = [g?.letter ?? letter.exec(gold)?.[1], a?.letter ?? letter.exec(answer)?.[1]];
  if (!g?.rest && !a?.rest) return [gold, answer];
  if (namesOther(a)) return false;
  if (goldLetter && answerLetter && (goldLetter !== answerLetter || !g?.rest || !a?.rest))
    return goldLetter === answerLetter;
  return [g?.rest ? g.rest : gold, a?.rest ? a.rest : answer];
}

/** `(B) or (C)`: several choices. */
const namesOther = (found: ReturnType<typeof choice>): boolean =>
  found !== undefined &&
  /^[^a-zA-Z\d]{0,8}(?:\\text\s*\{\s*)?(?:or|and|,|\/|&|\(|$)?(?:[^a-zA-Z\d]|\\text\s*\{|\b(?:or|and|maybe|perhaps|possibly|else|also)\b){0,12}\(?[A-J](?:[).]|\s*$)/.test(
    found.rest,
  );

/** Parses the content of an answer in \text{} that is more than words: `12 apples`, `A, B and C`, `3:30`. */
function contentOf(node: Node): Node {
  if (node.kind !== 'text' || !/[\d,;]|\b(?:and|or)\b/.test(node.text)) return node;
  const content = attempt(node.text);
  return content instanceof ParseFailure ? node : content;
}

/** `2,5` is a decimal if the other side writes one with a point, `12,34,567` a number if the other side is one. */
const decimalComma = (text: string, other: string): string => {
  if (!text.includes(',')) return text;
  if (/^\s*[-+]?\d{1,2}(?:,\d{2})+,\d{3}\s*$/.test(text) && /^\s*[-+]?\d{6,}\s*$/.test(other))
    return text.replaceAll(',', '');
  return DECIMAL_COMMA.test(text) && /^\s*[-+]?\d*\.\d+\s*(?:\\?%)?\s*$/.test(other) ? text.replace(',', '.') : text;
};

const DECIMAL_COMMA = /^\s*[-+]?(?:\d+,\d{1,2}|\d{4,},\d+|\d+,\d{4,})\s*(?:\\?%)?\s*$/;

/** The whole reference if it parses, otherwise the answer inside it. */
function goldOf(gold: string, settings: MathSettings): string {
  const trimmed = gold.trim();
  if (/^-?[\d./]+$/.test(trimmed)) return trimmed;
  const marked = /\\boxed|(?<!\\)\$|\\[([]|####|answer/i.test(trimmed);
  if (!marked && !(attempt(trimmed) instanceof ParseFailure)) return trimmed;
  const whole = /^\$+([^$]*)\$+$/.exec(trimmed)?.[1];
  if (whole !== undefined && !whole.includes('\\boxed')) return whole;
  const places = ['boxed', 'final-answer', 'last'] as const;
  const found =
    extractAnswer(gold, { answer: 'any', places, notations: settings.notations }) ??
    extractAnswer(gold, { answer: 'any', places, notations: ['latex', 'expr'] });
  return found?.text || trimmed;
}

/** Whether a reference is mathematics that is known here. If not, only the same text answers it. */
export const isReadable = (gold: string, settings: MathSettings): boolean =>
  !(attempt(goldOf(plainCharacters(gold), settings)) instanceof ParseFailure);

/** Only words: equal only to a reference that is also words. */
const isProse = (text: string): boolean => !/[\d\\$]/.test(text) && !looksMathematical(text);

const plainText = (text: string): string =>
  text
    .replace(/\\(?:left|right|displaystyle|!|,|;)(?![a-zA-Z])/g, '')
    .replace(/\\[cl]?dots[cbmoi]?(?![a-zA-Z])|…|\.{3}/g, '…')
    .replace(/(\d)\s+(?=\d)/g, '$1~')
    .replace(/[\s$]|\\[()[\]]/g, '')
    .replace(/[.,]$/, '');
