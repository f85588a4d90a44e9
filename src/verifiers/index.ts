export { createVerifier } from './create.js';
export { verifierNames } from './spec.js';
export type { Judgement, Question, Verifier } from './verifier.js';
