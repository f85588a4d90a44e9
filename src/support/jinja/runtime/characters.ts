import { spendCharacters } from './budget.js';

const SURROGATE = /[\ud800-\udfff]/;

/** A string's characters as Python counts them: code points. */
export function characters(text: string): readonly string[] {
  spendCharacters(text.length);
  return SURROGATE.test(text) ? [...text] : text.split('');
}

export function characterCount(text: string): number {
  spendCharacters(text.length);
  if (!SURROGATE.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

export const escapeHtml = (text: string): string => text.replace(/[&<>'"]/g, (c) => htmlEscapes[c] ?? c);
