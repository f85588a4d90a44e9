import { z } from 'zod';

export const mathVerifySettings = z.strictObject({
  python: z
    .string()
    .default('python3')
    .describe(
      'A Python with the package `math-verify`: a command on the PATH, a program, or the folder of a virtual ' +
        "environment, relative to the pipeline's file.",
    ),
  seconds: z.number().min(0.1).max(3600).default(5).describe('CPU seconds per answer.'),
});

export type MathVerifySettings = z.output<typeof mathVerifySettings>;
