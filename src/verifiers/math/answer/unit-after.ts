import { isScale, readUnit } from '../evaluate/units.js';

const GAP = /^(?:[\s~$}]|\\[,;: ]|\\[)\]])*/;
const SIGN = /^(?:\\?%|US\$|\\?\$(?![\d\\a-zA-Z])|[€£¥₹₩₽₺₫]|°\s?[CF]?(?![a-z])|(?:per ?cent|percentage|pct)\b)/i;
const WORDS = /^[a-zA-Zµμ°²³Ω]+(?:[ /.·*^²³-]+[a-zA-Zµμ²³Ω\d{}-]+){0,4}/;
/** Words after a number that are no unit of it. */
const FUNCTION_WORD =
  /^(?:is|are|was|were|be|of|in|on|at|to|and|or|for|with|by|from|as|a|an|the|this|that|it|because|since|so|when|if|then|which|who|per|not|but|i|we|you|he|she|they|there|here|where|while|after|before|also|only|too|than|has|have|had|makes|gives|will|would|can|could|should|must|does|do|did|hence|thus|therefore)$/i;

/** The unit after a number in prose, as `\text{}`, and its length. A noun counts only after a plain `number`. */
export function unitAfter(
  text: string,
  number: boolean,
): { readonly text: string; readonly length: number } | undefined {
  const gap = GAP.exec(text)?.[0].length ?? 0;
  const rest = text.slice(gap);
  const sign = SIGN.exec(rest)?.[0];
  if (sign)
    return { text: /%|p/i.test(sign) ? '\\%' : `\\text{ ${sign.replaceAll('\\', '')}}`, length: gap + sign.length };
  const words = WORDS.exec(rest)?.[0];
  if (!words || (gap === 0 && !readUnit(words))) return undefined;
  const parts = words.split(/(?=\s)/);
  for (let length = parts.length; length > 0; length--) {
    const unit = parts.slice(0, length).join('');
    if (readUnit(unit) || (length === 1 && isScale(unit)))
      return { text: `\\text{ ${unit}}`, length: gap + unit.length };
  }
  if (!number) return undefined;
  const [noun = ''] = parts;
  const isNoun = /^[a-zA-Z]{3,20}$/.test(noun) && !FUNCTION_WORD.test(noun) && !/^\s*=/.test(rest.slice(noun.length));
  return isNoun ? { text: `\\text{ ${noun}}`, length: gap + noun.length } : undefined;
}
