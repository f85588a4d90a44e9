import { z } from 'zod';
import { digest } from '../../support/digest.js';
import type { Judge } from '../judge.js';
import { hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { answerOf } from '../reference.js';
import type { Judgement } from '../verifier.js';
import { compileExpression, judgeChoice, judgeExact, judgeFormat, judgeNumeric, judgeRegex } from './judge-text.js';

// Raise it with a change that can change a verdict.
const VERSION = 'simple-5';

/** @param needsAnswer whether an item without a reference answer has nothing to be compared with */
function textJudge(
  name: string,
  settings: object,
  judge: (completion: string, reference: string) => Judgement,
  needsAnswer = true,
): Judge {
  return {
    hash: digest(VERSION, name, JSON.stringify(settings)),
    seconds: 5,
    judge: (asked) => judge(asked.completion, needsAnswer ? answerOf(asked, name) : asked.reference.answer),
  };
}

const exactSettings = z.strictObject({
  ignoreCase: z.boolean().default(false).describe('Upper and lower case are the same.'),
});

export const exact: PooledKind<z.output<typeof exactSettings>> = {
  name: 'exact',
  summary: 'the whole completion equals the reference, apart from white space at its ends',
  settings: exactSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'required', data: [], settings: ['ignoreCase'] },
  open: async (settings) => textJudge('exact', settings, (text, reference) => judgeExact(text, reference, settings)),
};

const choiceSettings = z.strictObject({
  choices: z.int().min(2).max(26).default(5).describe('Number of choices, lettered from A.'),
});

export const choice: PooledKind<z.output<typeof choiceSettings>> = {
  name: 'choice',
  summary: 'the letter that the completion settles on equals the reference',
  settings: choiceSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'required', data: [], settings: ['choices'] },
  open: async (settings) =>
    textJudge('choice', settings, (text, reference) => judgeChoice(text, reference, settings.choices)),
};

const numericSettings = z.strictObject({
  absolute: z.number().min(0).default(0).describe('Largest difference that still counts.'),
  relative: z.number().min(0).default(1e-9).describe('Largest difference as a share of the reference.'),
});

export const numeric: PooledKind<z.output<typeof numericSettings>> = {
  name: 'numeric',
  summary: 'the number after "answer" or `####`, or else the last one, equals the reference within a tolerance',
  settings: numericSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'required', data: [], settings: ['absolute', 'relative'] },
  open: async (settings) =>
    textJudge('numeric', settings, (text, reference) => judgeNumeric(text, reference, settings)),
};

const FLAGS = /^(?!.*(.).*\1)[imsu]*$/;

const regexSettings = z
  .strictObject({
    pattern: z
      .string()
      .optional()
      .describe(
        'A JavaScript regular expression; a named group `answer` is compared with the reference. ' +
          'Without it the reference is the expression.',
      ),
    flags: z
      .string()
      .refine((flags) => FLAGS.test(flags), {
        error: ({ input }) => `found ${JSON.stringify(input)}, expected some of i, m, s, u, each once`,
      })
      .default('')
      .describe('Any of `i`, `m`, `s`, `u`.'),
  })
  .superRefine(({ pattern, flags }, context) => {
    if (pattern !== undefined && FLAGS.test(flags)) reportBadPattern(context, pattern, flags);
  });

export const regex: PooledKind<z.output<typeof regexSettings>> = {
  name: 'regex',
  summary: 'the expression matches the last 20,000 characters of the completion',
  settings: regexSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'optional', data: [], settings: ['pattern', 'flags'] },
  async open({ pattern, flags }) {
    const compiled = pattern === undefined ? undefined : new RegExp(pattern, flags);
    return textJudge(
      'regex',
      { pattern, flags },
      (text, reference) =>
        judgeRegex(
          text,
          reference,
          compiled ?? compileExpression(reference, flags, 'regex: the reference'),
          compiled !== undefined,
        ),
      pattern === undefined || pattern.includes('(?<answer>'),
    );
  },
};

const formatSettings = z
  .strictObject({
    pattern: z
      .string()
      .describe('A regular expression that the whole completion must match; `.` also matches line breaks.'),
  })
  .superRefine(({ pattern }, context) => reportBadPattern(context, pattern, 'su'));

export const format: PooledKind<z.output<typeof formatSettings>> = {
  name: 'format',
  summary: 'the whole completion has the requested form, whatever it says',
  settings: formatSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'none', data: [], settings: ['pattern'] },
  open: async (settings) => ({
    hash: hashOf('format', settings),
    seconds: 2,
    judge: ({ completion }) => judgeFormat(settings, completion),
  }),
};

function reportBadPattern(context: z.RefinementCtx, pattern: string, flags: string): void {
  try {
    new RegExp(pattern, flags);
  } catch {
    const message = 'found text that is not a regular expression, expected one of JavaScript';
    context.addIssue({ code: 'custom', path: ['pattern'], message });
  }
}
