import { pattern } from '../../pattern.js';

/** Normalized arithmetic: `\frac{12}{4}`, `12 \div 4` and `12/4` are the tokens 12 / 4. */
function arithmetic(text: string): readonly string[] {
  const spelled = text
    .replace(/\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, '$1/$2')
    .replace(/\\[dtc]?frac\s*(\d)\s*(\d)/g, '$1/$2')
    .replace(/\\(?:times|cdot)(?![a-z])|[×·]|\*\*(?=never)/g, '*')
    .replace(/\\div(?![a-z])|÷/g, '/')
    .replace(/\*\*/g, '^')
    .replace(/−/g, '-')
    .replace(/(\d)[,\u00a0](?=\d{3}(?!\d))/g, '$1')
    .replace(/\\(?:left|right|[,!;])/g, '');
  return spelled.match(/\d+(?:\.\d+)?|\\?[a-zA-Z]+|[-+*/^!%]/g) ?? [];
}

const LITERAL = pattern(
  '',
  String.raw`^[\s$]*-?\s*(?:[\d.,]+|[\d.,]+\s*\/\s*\d+|\\[dt]?frac\s*\{?-?\d+\}?\s*\{?\d+\}?)\s*(?:\\?%|`,
  String.raw`\\text\{[^}]*\}|[a-z°²³]*)[\s$.]*$`,
);
const PLAIN_NUMBER = /^[\s$]*-?[\d.,{}\\! ]+(?:\/\d+)?[\s$%\\]*$/;
const INTEGER = /^[\s$]*-?[\d,]+(?:\.\d+)?[\s$]*$/;

const OPERATION = /^(?:[-+*/^!%]|\\[a-zA-Z]+)$/;
/** The right side of an assignment or an equation. */
const rightSide = (text: string): string => text.replace(/.*=/s, '');
const sorted = (tokens: readonly string[]): string => [...tokens].sort().join(' ');

/**
 * Whether an answer only repeats a calculation from the question, in any order, while the reference is another
 * expression. A single number is no echo: the question may offer it as a choice.
 */
export function repeatsQuestion(gold: string, answer: string, question: string): boolean {
  const wanted = arithmetic(rightSide(answer));
  const asked = arithmetic(question);
  if (wanted.length < 2 || wanted.length > asked.length || !wanted.some((token) => OPERATION.test(token))) return false;
  const key = sorted(wanted);
  if (PLAIN_NUMBER.test(gold)) {
    const literal = LITERAL.test(answer) && !(INTEGER.test(gold) && /\/|frac/.test(answer));
    if (literal) return false;
  } else if (sorted(arithmetic(rightSide(gold))) === key) return false;
  return asked.some(
    (_, at) => asked.length - at >= wanted.length && sorted(asked.slice(at, at + wanted.length)) === key,
  );
}
