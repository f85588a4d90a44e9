import { required } from '../../../support/required.js';

interface NumberFound {
  readonly value: string;
  /** The repeating digits after `value`, as `~digits`. */
  readonly repeating?: string;
  readonly end: number;
}

const THOUSANDS = /\d{1,3}(?:,⁀?\d{3})+(?![\d])(?:\.\d+)?/y;
const MARKED_THOUSANDS = /\d{1,3}(?:,⁀\d{3})+(?!\d)(?:\.\d+)?/y;
const ZERO_THOUSANDS = /[1-9]\d{0,2},0\d\d(?:,\d{3})*(?![\d,])(?:\.\d+)?/y;
const SPACED_THOUSANDS = /[1-9]\d{0,2}(?: \d{3})+(?![\d/])(?:\.\d+)?/y;
const DOTTED_THOUSANDS = /\d{1,3}(?:\.\d{3}){2,}(?![\d.])(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)/y;
const COMMA_DECIMAL = /0,\d+(?![\d,])|\d+,⁀\d+/y;
const PLAIN = /\d+\.\d+|\d+|\.\d+/y;

/** The number at an index. Inside brackets a comma separates items, so only a marked one groups digits. */
export function lexNumber(text: string, at: number, depth: number): NumberFound | undefined {
  const code = text.charCodeAt(at);
  if (!((code >= 48 && code <= 57) || (code === 46 && /\d/.test(text.charAt(at + 1))))) return undefined;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const thousands = match(depth === 0 ? THOUSANDS : MARKED_THOUSANDS);
  // List items are not written as 000 or 045.
  const zeros = depth > 0 && !thousands ? match(ZERO_THOUSANDS) : undefined;
  if (zeros) return { value: zeros.replaceAll(',', ''), end: at + zeros.length };
  if (thousands && !/^0/.test(thousands)) return { value: thousands.replace(/[,⁀]/g, ''), end: at + thousands.length };
  const dotted = match(DOTTED_THOUSANDS);
  if (dotted) return { value: dotted.replaceAll('.', '').replace(',', '.'), end: at + dotted.length };
  // A list item is not the integer part of a decimal: -1, 0, 1.
  const comma = /[,;]\s*[-+]?\s*$/.test(text.slice(Math.max(0, at - 8), at)) ? undefined : match(COMMA_DECIMAL);
  if (comma && (depth === 0 || comma.includes('⁀')))
    return { value: comma.replace(/,⁀?/, '.'), end: at + comma.length };
  const spaced = depth === 0 ? match(SPACED_THOUSANDS) : undefined;
  if (spaced) return { value: spaced.replaceAll(' ', ''), end: at + spaced.length };
  const plain = required(match(PLAIN), 'digits of a number');
  let end = at + plain.length;
  const rest = text.slice(end, end + 80);
  const repeat =
    /^\.?\\(?:overline|bar|dot)\s*\{?\s*(\d+)\s*\}?(?:\\dot\s*\{?(\d)\}?)?/.exec(rest) ??
    /^\.?\((\d+)\)(?=\s*(?:$|[^\d\s(]))/.exec(rest);
  const decimalPoint = plain.includes('.') || rest.startsWith('.');
  if (repeat && decimalPoint && (plain.includes('.') || rest.startsWith('.'))) {
    end += repeat[0].length;
    return { value: plain, repeating: `~${repeat[1] ?? ''}${repeat[2] ?? ''}`, end };
  }
  const exponent = /^[eE][+-]?\d{1,3}(?![\d.a-zA-Z])/.exec(rest)?.[0];
  if (exponent) return { value: `${plain}${exponent.toLowerCase()}`, end: end + exponent.length };
  if (/^\.(?:\s|$)/.test(rest)) end++;
  return { value: plain, end };
}
