import { z } from 'zod';
import { mappingFields } from '../../sources/mapping.js';
import { generatorNames, generators } from '../../sources/registry.js';
import { upTo } from './bounds.js';

const text = z.string().min(1);

const heldOutCount = z.int().min(0).max(10_000_000).default(0);
const heldOutFile = z.strictObject({
  file: text.describe('File, folder or glob of them, with the same fields as the prompts.'),
});
const held = z
  .union([
    heldOutCount.unwrap(),
    z.strictObject({
      share: z
        .number()
        .gt(0)
        .lt(1)
        .describe('Share of the questions, by a hash of their text: adding lines moves none. A run records its own.'),
    }),
    heldOutFile,
  ])
  .default(0);
const system = text.optional().describe('System message before each question that has none of its own.');
const limit = upTo(1_000_000_000)
  .optional()
  .describe('Number of prompts of a pipeline without `learn`. Default: each line of the file once.');

const share = z.number().min(0).max(1);
const curriculum = z
  .strictObject({
    easy: share.default(1).describe('Running accuracy from which on a prompt is easy.'),
    hard: share.default(0).describe('Running accuracy up to which a prompt is hard.'),
    share: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.1)
      .describe('Share of their turns in which easy and hard prompts are asked all the same.'),
  })
  .refine(({ easy, hard }) => hard < easy, { path: ['hard'], message: 'expected hard below easy' })
  .describe('Ask prompts that are solved always, or never, less often. Default: every prompt once a pass.');

/** The section `prompts`, of a pipeline or of one of its tasks. */
export const prompts = z
  .union([
    z.strictObject({
      generate: z
        .enum(generatorNames)
        .describe(
          'A built-in seeded generator. ' +
            `${generatorNames.map((name) => `${name}: ${generators[name].summary}`).join(' ')}`,
        ),
      heldOut: heldOutCount.describe('Number of held-out prompts for evaluation.'),
      limit,
      system,
    }),
    z
      .strictObject({
        file: z
          .union([text, z.array(text).min(1)])
          .describe('JSON lines, JSON, CSV, TSV or Parquet: a file, a folder, a glob, or a list of them.'),
        ...mappingFields,
        heldOut: held.describe('Held-out prompts for evaluation: a number of questions, a share, or a file.'),
        shuffle: z
          .boolean()
          .optional()
          .describe('Whether each pass has an order of its own, by the seed. Default: with `learn`.'),
        curriculum: curriculum.optional(),
        limit,
        system,
      })
      .refine(({ after, boxed }) => after === undefined || !boxed, {
        path: ['boxed'],
        message: 'does not go with after; expected one or the other',
      }),
    z.strictObject({
      topic: text.describe('Topic of the run that others write prompts to: a JSON object per record.'),
      ...mappingFields,
      heldOut: z
        .union([z.literal(0), heldOutFile])
        .default(0)
        .describe('Held-out prompts for evaluation: those of a file.'),
      limit,
      system,
    }),
    z.strictObject({
      module: text.describe(
        'Module of your own generator: its default export takes { seed, index, heldOut } and returns { question, ' +
          'answer }.',
      ),
      heldOut: heldOutCount.describe('Number of held-out prompts for evaluation.'),
      limit,
      system,
    }),
  ])
  .describe('Where prompts come from.');
