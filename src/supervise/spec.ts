import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { optimizationFields } from '../learner/settings.js';
import { SAMPLES, STEPS, TOKENS, upTo } from '../pipelines/spec/bounds.js';
import { locateAmong, parseOverride, withOverride } from '../pipelines/spec/override.js';
import type { Locate } from '../pipelines/spec/parse.js';
import { prompts } from '../pipelines/spec/prompts-spec.js';
import { readYaml } from '../pipelines/spec/read-yaml.js';
import { UserError } from '../support/errors.js';
import { settingProblems } from '../support/settings.js';
import { verifySchema } from '../verifiers/spec-schema.js';

const text = z.string().min(1);
const WIDTH = 65_536;
const { lr, warmup, schedule, weightDecay, betas, maxGradNorm } = optimizationFields;

const newModel = z
  .strictObject({
    hiddenSize: upTo(WIDTH).describe('Width of the model, a multiple of twice the heads.'),
    layers: upTo(1000).describe('Transformer layers.'),
    heads: upTo(1000).describe('Attention heads.'),
    intermediateSize: upTo(4 * WIDTH)
      .optional()
      .describe('Width of the MLP. Default: 8/3 of `hiddenSize`, rounded up to a multiple of 32.'),
    contextLength: upTo(TOKENS).default(128).describe('Maximum tokens of prompt and completion together.'),
    words: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe('Words with a token of their own: a list, or a text that is split at white space.'),
    numbers: upTo(100_000).optional().describe('Whole numbers from 0 with a token of their own: how many.'),
    wordsFrom: upTo(1_000_000)
      .optional()
      .describe(
        'The words of this many of the first prompts and completions get a token of their own. ' +
          'Default: 1000 without `words`.',
      ),
  })
  .check(({ value: { hiddenSize, heads }, issues }) => {
    const message = `found ${hiddenSize}; expected a multiple of ${2 * heads}, twice the number of heads`;
    if (hiddenSize % (2 * heads) !== 0)
      issues.push({ code: 'custom', input: hiddenSize, path: ['hiddenSize'], message });
  });

export type NewModel = z.output<typeof newModel>;

const hinted = z
  .strictObject({
    template: text.describe("The prompt with a hint, as in a pipeline's `teach.template`."),
    completion: text.optional().describe('What the model imitates with the hint in sight. Default: `completion`.'),
    share: z.number().gt(0).lt(1).default(0.5).describe('Share of the hinted prompts in a batch.'),
  })
  .describe('Prompts that show a hint, so that the model can be the teacher as well.');

export const superviseSchema = z
  .strictObject({
    supervise: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes')
      .describe('Name of the model.'),
    seed: z.int().min(0).default(0).describe('Random seed of the first weights, and of prompts and their order.'),
    steps: upTo(STEPS).describe('Training steps, one batch each.'),
    model: z
      .union([
        z.strictObject({ base: text.describe('Folder of a model to continue from, in Hugging Face layout.') }),
        newModel,
      ])
      .describe('The model to train: a new one, or one that exists.'),
    prompts: prompts.meta({ $comment: 'prompts of a [pipeline](prompts.md)' }),
    completion: text
      .default('{{ trace }}')
      .describe(
        'What the model imitates: Jinja text over question, answer, trace and any other column of the prompts.',
      ),
    hinted: hinted.optional(),
    learn: z
      .strictObject({
        batch: upTo(SAMPLES).default(64).describe('Prompts in a batch, hinted ones included.'),
        ...{ lr, warmup, schedule, weightDecay, betas, maxGradNorm },
        microTokens: upTo(TOKENS).default(2048).describe('Tokens in one run of the model: memory against speed.'),
        threads: upTo(1024)
          .optional()
          .describe('Threads that train. The result does not depend on it. Default: one per core.'),
      })
      .describe('How the model is trained.'),
    verify: verifySchema.optional(),
    evaluate: z
      .strictObject({
        maxTokens: upTo(TOKENS).default(64).describe('Maximum tokens of a held-out completion.'),
        stop: z.array(text).optional().describe('Texts that end a completion.'),
      })
      .prefault({}),
  })
  .superRefine(({ hinted: hints, learn, prompts: source }, context) => {
    const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if ('topic' in source) problem(['prompts', 'topic'], 'expected a file, a module or a generator');
    if ('limit' in source && source.limit !== undefined)
      problem(['prompts', 'limit'], 'unknown field; `steps` and `learn.batch` say how many prompts are read');
    const count = hintedCount({ hinted: hints, learn });
    if (hints && (count < 1 || count >= learn.batch))
      problem(
        ['hinted', 'share'],
        `found ${hints.share}, which is ${count} of a batch of ${learn.batch}; expected at least one prompt of each ` +
          'kind',
      );
  })
  .describe('A base model that RLSD Streams makes.');

export type SuperviseSpec = z.output<typeof superviseSchema>;

/** How many prompts of a batch show a hint. */
export const hintedCount = ({ hinted: hints, learn }: Pick<SuperviseSpec, 'hinted' | 'learn'>): number =>
  hints ? Math.round(hints.share * learn.batch) : 0;

/** A checked file and the folder that its paths are relative to. */
export interface Supervision {
  readonly spec: SuperviseSpec;
  readonly folder: string;
  readonly locate: Locate;
}

/**
 * Reads a file of `rlsd supervise`.
 * @param sets overrides as `path=value`, the value in YAML
 * @throws {UserError} `no-file`, `bad-spec` with every problem
 */
export function readSupervision(file: string, sets: readonly string[] = []): Supervision {
  const yaml = readYaml(file);
  const overrides = sets.map(parseOverride);
  const locate = locateAmong(overrides, yaml.data, yaml.place);
  const data = overrides.reduce(withOverride, yaml.data);
  const result = superviseSchema.safeParse(data);
  if (result.success) return { spec: result.data, folder: resolve(dirname(file)), locate };
  const problems = settingProblems(result.error.issues, superviseSchema, data).map(
    ({ path, message }) => `${locate(path)}: ${path.join('.') || 'the file'}: ${message}`,
  );
  throw new UserError('bad-spec', [...new Set(problems)].join('\n'));
}

/** Whether a file is one of `rlsd supervise` rather than a pipeline. @throws {UserError} `no-file`, `bad-spec` */
export const isSupervision = (file: string): boolean => 'supervise' in Object(readYaml(file).data);

/** The file's JSON Schema, which editors complete from. */
export function superviseJsonSchema(): object {
  return z.toJSONSchema(superviseSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
}
