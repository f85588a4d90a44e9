import type { Question } from '../../src/verifiers/verifier.js';

/** A question whose reference is `answer`. */
export const ask = (completion: string, answer = '', data: object | null = null): Question => ({
  promptId: 'p',
  itemId: 'i',
  question: '',
  completion,
  reference: { answer, data: data === null ? null : JSON.stringify(data) },
});
