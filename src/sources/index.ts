/** Prompts: the built-in generators, and what a generator of your own needs. */
export { seedOf } from '../support/digest.js';
export type { Generate, GeneratedPrompt, GeneratorRequest, PromptGenerator } from './generator.js';
export { generators } from './registry.js';
export type { FirstError, WrongCompletion } from './tasks/first-error.js';
