import { z } from 'zod';
import { SAMPLES, TOKENS, upTo } from './bounds.js';

const text = z.string().min(1);

export const rolloutSchema = z
  .strictObject({
    group: upTo(SAMPLES).default(8).describe('Completions for each prompt.'),
    rounds: upTo(64)
      .optional()
      .describe(
        'Rounds of prompts per step (dynamic sampling): after each, prompts whose completions were all rewarded ' +
          'alike are replaced by others, so that the step has `learn.prompts` to learn from, if the rounds suffice. ' +
          'Default: 1.',
      ),
    temperature: z.number().positive().max(100).default(1).describe('Divides the logits, in sampling and in scoring.'),
    topK: upTo(TOKENS).optional().describe('Sample from this many of the likeliest tokens.'),
    topP: z.number().gt(0).max(1).optional().describe('Sample from the likeliest tokens that make up this share.'),
    minP: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('Sample from tokens at least this likely relative to the likeliest.'),
    maxTokens: upTo(TOKENS).describe('Tokens of a completion at most.'),
    stop: z.array(text).optional().describe('Texts that end a completion.'),
  })
  .describe('How completions are sampled. Without it nothing is sampled but for `evaluate`.');
