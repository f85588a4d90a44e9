const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|\ufe0e|\ufe0f/g;
const SPACE = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Full-width and mathematical letters and digits, which only look different. */
const STYLED = /[\uff01-\uff5e\uffe0-\uffe6\u{1d400}-\u{1d7ff}\u210b-\u2113\u2115-\u2119\u211a-\u2128\u2460-\u2473]/gu;
const KEPT = /[ℂℍℕℙℚℝℤ]/u;
const DIGIT = /[^\P{Nd}0-9]/gu;
const ASCII = /^[\t\n\r\x20-\x7e]*$/;

const SIGNS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '٫': '.',
    '٬': ',',
    '٪': '%',
    '⁄': '/',
    '∕': '/',
    '‐': '-',
    '‑': '-',
    '‒': '-',
    '∗': '*',
    '≦': '≤',
    '≧': '≥',
    '⩽': '≤',
    '⩾': '≥',
    '«': '"',
    '»': '"',
    '⋯': '…',
    '。': '.',
    '、': ',',
    '’': "'",
    '‘': "'",
    '“': '"',
    '”': '"',
  }),
);
const SIGN = new RegExp(`[${[...SIGNS.keys()].join('')}]`, 'gu');

/** The value of a decimal digit of any script. Every script's ten digits are consecutive, from U+xxx0 or U+xxx6. */
function digitValue(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const base = code - (code % 16);
  return String(code - (/\p{Nd}/u.test(String.fromCodePoint(base)) ? base : base + 6));
}

/**
 * Replaces characters that only look different by those of ASCII: digits of any script, full-width and mathematical
 * letters, spaces, hyphens, quotation marks. Invisible characters are dropped.
 * @example plainCharacters('１２') // '12'
 */
export function plainCharacters(text: string): string {
  if (ASCII.test(text)) return text;
  return text
    .replace(INVISIBLE, '')
    .replace(SPACE, ' ')
    .replace(STYLED, (found) => (KEPT.test(found) ? found : found.normalize('NFKC')))
    .replace(DIGIT, digitValue)
    .replace(SIGN, (found) => SIGNS.get(found) ?? found);
}
