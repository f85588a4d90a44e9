import { type Claim, claimOf } from '../../answer/claim.js';
import type { Asserted } from './candidates.js';
import { expressions } from './candidates.js';

const WORD = /(?<!\\)\b[a-z]{2,}/i;

/** An answer's words and numbers without the commands around them; undefined if it has no words. */
function prose(text: string): string | undefined {
  if (!/\\text|\\mbox|\\mathrm|(?<!\\)\b[a-z]{4,}/i.test(text)) return undefined;
  const flat = text.replace(/\\(?:text\w*|mbox|mathrm|hbox)\s*\{([^{}]*)\}/g, ' $1 ');
  return WORD.test(flat) && /\d/.test(flat) ? flat : undefined;
}

/** What the words inside an answer make of it, as in `\boxed{7\text{ or more}}`. */
export function innerClaim(text: string): Claim | undefined {
  if (/\?[\s}$.*]*$/.test(text)) return 'hedged';
  const flat = prose(text);
  if (flat === undefined) return undefined;
  if (/\b(?:wrong|incorrect|false|untrue|not)\s*:/i.test(flat)) return 'hedged';
  if (/\beither\b/i.test(flat) && !/\bor\b/i.test(flat)) return 'hedged';
  const found = expressions(flat);
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last) return undefined;
  const claim = claimOf(flat, first.start, first.end) ?? claimOf(flat, last.start, last.end);
  return claim === 'denied' ? 'hedged' : claim;
}

/** The value in an answer such as `at least 7`. */
export function coreOf({ text, claim }: Asserted): string {
  const flat = claim ? undefined : prose(text);
  return flat === undefined ? text : (expressions(flat)[0]?.text ?? text);
}
