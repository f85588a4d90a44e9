import { readFileSync } from 'node:fs';

const texts = new Map<string, string>();

/** Text of a file in `assets/`: code that runs in the sandbox or in QuickJS, next to the program being judged. */
export function asset(name: string): string {
  const known = texts.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
  texts.set(name, text);
  return text;
}

/**
 * The one function that a JavaScript asset exports, as an expression for a script: QuickJS evaluates no module here.
 */
export const javascriptAsset = (name: string): string => `(${asset(name).replace(/^export /m, '')})`;
