import { pattern } from '../../pattern.js';
import { type Candidate, delimited, expressions } from './candidates.js';
import { inDigits } from './number-words.js';
import { unitAfter } from './unit-after.js';

// "4 or \boxed{5}" and "\boxed{5} (or 4)" offer two answers. Both are compared: equal ones are one answer.

const NAME = String.raw`(?:[a-z]\s*=\s*)?`;
/** What may come between "or" and a value, besides white space and delimiters. */
const SOFT = String.raw`(?:(?:maybe|perhaps|possibly|even|else|also|rather|instead|just|simply)\s+)*`;
const OR_BEFORE = new RegExp(String.raw`[\s$)\].,;*]*(?:\band\/)?\bor\b\s*[,:]?\s*${SOFT}[\s$([{*\\]*${NAME}$`, 'i');
const OR_AFTER = pattern(
  'i',
  String.raw`^(?:[\s$)}\].,;(–—*-]|\\[)\]])*(?:\band\/)?\bor\b\s*[,:]?\s*${SOFT}`,
  String.raw`(?:[$(]|\\[([])*${NAME}([A-J](?![a-z])|[-+]?(?:\d|\.\d|\\[a-z])[^\s$,;)]*?|` +
    String.raw`[a-z-]{3,12}(?: [a-z]{3,10})?)[.,;)!]*(?:[\s$]|\\[)\]]|$)`,
);
const NUMBER_WORD = /(?:^|[^a-z-])([A-J]|[a-z]{3,9}(?:-[a-z]{3,5})?)$/i;

/** A number in digits or in words, or the letter of a choice; undefined for other words. */
function valueIn(text: string): string | undefined {
  if (/[\d\\]|^[A-J]$/.test(text)) return text;
  const digits = inDigits(text);
  return digits === text ? undefined : digits;
}

/** `\boxed{5} (or 6)`: ` or 6`; empty without another value. */
export function otherAfter(text: string, { end }: Candidate): string {
  const found = OR_AFTER.exec(text.slice(end, end + 60))?.[1];
  const other = found === undefined ? undefined : valueIn(found);
  return other === undefined ? '' : ` or ${other}`;
}

/** `6 or \boxed{5}`: `6 or `; empty without another value. */
export function otherBefore(text: string, found: readonly Candidate[]): string {
  const last = found.at(-1);
  if (!last) return '';
  const left = text.slice(Math.max(0, last.start - 80), last.start);
  const joint = OR_BEFORE.exec(left);
  if (!joint || /\\boxed/.test(left)) return '';
  const before = left.slice(0, joint.index);
  const marked = delimited(`${before}$`).at(-1);
  const plain = expressions(before).at(-1);
  const value =
    marked && marked.end === before.length + 1
      ? marked.text
      : ((plain && wholeOf(plain, before)) ?? valueIn(NUMBER_WORD.exec(before)?.[1] ?? ''));
  return value ? `${value} or ` : '';
}

/** A value with the unit after it, if nothing else follows. */
function wholeOf({ text, end }: Candidate, before: string): string | undefined {
  const rest = before.slice(end);
  if (rest.trim() === '') return text;
  const unit = unitAfter(rest, true);
  return unit && rest.slice(unit.length).trim() === '' ? `${text}${unit.text}` : undefined;
}
