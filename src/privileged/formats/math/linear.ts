/** Parts of a formula in one line. Operands that are more than one term get parentheses or braces. */

const isAtom = (text: string): boolean =>
  /^(?:[\p{L}\p{N}.]+|\p{S}|\p{P})(?:_(?:[\p{L}\p{N}]|\{[^{}]*\}))?$/u.test(text) || isEnclosed(text);

function isEnclosed(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false;
  let depth = 0;
  for (const [k, character] of [...text].entries()) {
    if (character === '(') depth++;
    if (character === ')' && --depth === 0) return k === [...text].length - 1;
  }
  return false;
}

/** `(a + b)`, or `a` alone. */
export const grouped = (text: string): string => (isAtom(text) ? text : `(${text})`);

const braced = (text: string): string => (/^[\p{L}\p{N}]$/u.test(text) || /^\d+$/.test(text) ? text : `{${text}}`);

export const fraction = (top: string, bottom: string): string => `${grouped(top)}/${grouped(bottom)}`;

export const superscript = (base: string, text: string): string =>
  text === '' ? base : `${grouped(base)}^${braced(text)}`;

export const subscript = (base: string, text: string): string => (text === '' ? base : `${base}_${braced(text)}`);

export const root = (radicand: string, degree = ''): string =>
  degree === '' || degree === '2' ? `√(${radicand})` : `root(${radicand}, ${degree})`;

/** A matrix by rows: `[a, b; c, d]`. */
export const matrix = (rows: readonly (readonly string[])[]): string =>
  `[${rows.map((row) => row.join(', ')).join('; ')}]`;
