import { z } from 'zod';
import type { Engine } from '../../engines/engine.js';
import type { EngineInput } from '../../engines/engine-spec.js';
import type { Method } from '../../methods/method.js';
import { methods } from '../../methods/registry.js';
import type { RlsdSettings } from '../../methods/rlsd.js';
import { type ShapeInput, shapeSchema } from '../../methods/shape-spec.js';
import { type TopicsInput, topicsSchema } from '../../topics/registry.js';
import { transformSchema } from '../../transforms/transform-spec.js';
import { verifySchema } from '../../verifiers/spec-schema.js';
import { SAMPLES, STEPS, TOKENS, upTo } from './bounds.js';
import { extendedSchema } from './extended.js';
import { learnersSchema, learnFields } from './learners.js';
import { modelSchema } from './model-spec.js';
import { prompts } from './prompts-spec.js';
import { rolloutSchema } from './rollout-schema.js';
import { specProblems } from './spec-rules.js';

/**
 * The pipeline spec: one description that gives the types, the checks and the published JSON Schema.
 * Paths are relative to the file that holds the spec.
 */

const text = z.string().min(1);

const shape = shapeSchema(methods);

const label = text.optional().describe('Access label; a pipeline that does not list it may not read the documents.');

const documentSource = z
  .union([
    z.strictObject({
      files: z.array(text).min(1).describe('Paths or globs of documents.'),
      include: z
        .array(z.enum(['comments', 'headers']))
        .optional()
        .describe('Parts of Word documents to read as well: comments, page headers and footers. Default: neither.'),
      label,
    }),
    z.strictObject({
      keyed: text.describe('CSV, TSV or JSON lines with a row a prompt item.'),
      key: text.describe("Column of the prompt's id."),
      reference: text.optional().describe('Column of the reference answer.'),
      trace: text.optional().describe('Column of the worked trace.'),
      label,
    }),
    z.strictObject({ topic: text.describe('Topic of UTF-8 texts by key.'), label }),
  ])
  .describe('Where documents come from.');

const documentJoin = z
  .union([
    z.enum(['reference', 'trace', 'document']),
    z.strictObject({
      search: upTo(1000).describe('How many of the best passages for the question.'),
      model: text
        .optional()
        .describe('Folder of a sentence-embedding model in ONNX that says which are best. Default: BM25.'),
    }),
    z.strictObject({ documents: z.array(text).min(1).describe('Ids of documents that every prompt is joined with.') }),
  ])
  .describe('One way from a prompt to its context.');

/** Where samples come from that were recorded before. */
const fromSchema = z
  .strictObject({
    run: text.describe('Folder of the recorded run.'),
    topic: z
      .enum(['rollouts', 'verdicts', 'teacher-scores', 'advantages'])
      .describe('Its topic to begin with; the stages after it run.'),
  })
  .describe("Begin with a recorded run's samples instead of sampling. `rollout` is then the recorded run's.");

const task = z
  .strictObject({
    prompts,
    verify: verifySchema.optional(),
    privileged: z
      .array(documentJoin)
      .optional()
      .describe("What the teacher is shown, from the pipeline's sources. Default: the pipeline's."),
    teach: z
      .strictObject({ template: text.describe("The teacher's prompt.") })
      .optional()
      .describe("Default: the pipeline's."),
    weight: z
      .number()
      .positive()
      .max(1_000_000)
      .default(1)
      .describe('Share of the prompts, relative to the other tasks.'),
  })
  .describe('A data set with its own verifier, context and template.');

const privileged = z
  .union([
    z.array(z.enum(['reference', 'trace'])),
    z.strictObject({
      sources: z.array(documentSource).default([]),
      join: z.array(documentJoin).min(1).describe('In the order in which they are shown and the budget is spent.'),
      labels: z.array(text).default([]).describe('Access labels that this pipeline may read.'),
      watch: z
        .number()
        .positive()
        .max(86_400)
        .optional()
        .describe('Seconds between two looks at the sources. Default: read once.'),
      limits: z
        .strictObject({
          seconds: z.number().positive().max(3600).default(30).describe('Processor seconds per document.'),
          memory: z.int().min(128).max(65_536).default(1024).describe('MiB of memory of the process that reads it.'),
        })
        .optional()
        .describe(
          'What reading one HTML page, PDF or Word document may take. One that takes more becomes a dead letter.',
        ),
    }),
  ])
  .default([])
  .describe('What the teacher is shown and the student never is, in this order.');

export const pipelineSchema = z
  .strictObject({
    pipeline: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes')
      .describe('Name of the pipeline; the run is called after it.'),
    seed: z.int().min(0).default(0).describe('Every random draw follows from it.'),
    steps: upTo(STEPS).optional().describe('Training steps; required with `learn`.'),
    extended: extendedSchema.optional(),
    topics: topicsSchema()
      .default('embedded')
      .describe('Where the topics live: a folder of the run, a Kafka cluster, or a store of your own.'),
    model: modelSchema,
    prompts: prompts.optional(),
    tasks: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes'), task)
      .refine((tasks) => Object.keys(tasks).length > 0, 'expected at least one task')
      .optional()
      .describe('Several data sets in one pipeline, by name, in place of `prompts`.'),
    from: fromSchema.optional(),
    privileged,
    rollout: rolloutSchema.optional(),
    verify: verifySchema.optional(),
    teach: z
      .strictObject({
        every: upTo(STEPS).default(10).describe("Steps between refreshes of the teacher's snapshot of the policy."),
        template: text
          .optional()
          .describe(
            "The teacher's prompt: text with {{ question }} and {{ reference }}, {{ trace }} or {{ context }}.",
          ),
        contextTokens: upTo(TOKENS)
          .optional()
          .describe('Tokens of privileged context at most; what is cut is recorded.'),
        context: z
          .enum(['own', 'shuffled', 'none'])
          .default('own')
          .describe("Control arms: another prompt's context, or none."),
        weights: z
          .enum(['own', 'permuted'])
          .default('own')
          .describe("Control arm: the method's token advantages, permuted within each completion."),
        model: text
          .optional()
          .describe('Folder of a separate teacher model with the same vocabulary, for methods that ask for one.'),
      })
      .prefault({}),
    shape: shape.optional(),
    learn: z
      .strictObject({
        prompts: upTo(SAMPLES).describe('Prompts that make one step.'),
        external: z
          .boolean()
          .optional()
          .describe('Whether another learner trains (docs/protocol.md): every stage but `learn` runs here.'),
        ...learnFields,
      })
      .optional()
      .describe(
        'How the model is trained. Without it the judged samples, or with `shape` the advantages, are the result.',
      ),
    learners: learnersSchema.optional(),
    publish: z
      .strictObject({
        every: upTo(STEPS).default(1).describe('Steps between publications.'),
        keep: upTo(STEPS).default(5).describe('Versions kept on disk besides the base, the last and those in use.'),
      })
      .prefault({}),
    evaluate: z
      .strictObject({
        every: upTo(STEPS).default(10).describe('Steps between measurements on the held-out prompts.'),
        samples: upTo(1000)
          .optional()
          .describe('Samples per held-out prompt next to its greedy answer, for mean@k and pass@k. Default: none.'),
        temperature: z
          .number()
          .positive()
          .max(100)
          .optional()
          .describe("Temperature of those samples. Default: the rollout's."),
        maxTokens: upTo(TOKENS).optional().describe("Maximum completion tokens. Default: the rollout's."),
        stop: z.array(text).optional().describe("Texts that end a completion. Default: the rollout's."),
        file: text
          .optional()
          .describe('Held-out prompts of a file, folder or glob, in place of `prompts.heldOut`: never trained on.'),
      })
      .prefault({}),
    flow: z
      .strictObject({
        maxLag: z.int().min(0).max(1000).default(0).describe('Versions a sample may be behind; 0 is lockstep.'),
        credit: upTo(1_000_000)
          .optional()
          .describe('Prompts in flight in a stage at most. Default: two steps of prompts.'),
        attempts: upTo(100).default(3).describe('Tries of a record before it becomes a dead letter.'),
      })
      .prefault({}),
    transform: transformSchema.describe(
      'Changes to the samples of a topic, in the order in which they run: ' +
        '`{ verdicts: [dropUniform, half-marks.mjs] }`.',
    ),
  })
  .superRefine((spec, context) => {
    for (const { field, problem } of specProblems(spec))
      context.addIssue({ code: 'custom', path: field.split('.'), message: problem });
  })
  .describe('A pipeline of RLSD Streams.');

/** A spec with every default filled in. */
export type PipelineSpec = z.output<typeof pipelineSchema>;
export type FromSpec = z.output<typeof fromSchema>;
type Written = z.input<typeof pipelineSchema>;

/** What a user writes. In TypeScript, the method and the engine may be objects. */
export type PipelineInput = Omit<Written, 'shape' | 'model' | 'topics'> & {
  readonly topics?: TopicsInput;
  readonly shape?: ShapeInput | OldShape | Method;
  readonly model: Omit<Written['model'], 'engine'> & { readonly engine?: EngineInput | Engine };
} & OldNames;

interface OldShape {
  /** `clip`: use `weightClip`. */
  readonly rlsd: Omit<RlsdSettings, 'weightClip'> & { readonly clip: RlsdSettings['weightClip'] };
}

/** Names of the last release, still read with a warning. */
interface OldNames {
  readonly learn?: {
    /** @deprecated Use `schedule`. */
    readonly decay?: 'constant' | 'linear' | 'cosine';
    /** @deprecated Use `updatesPerEpoch`. */
    readonly miniBatches?: number;
  };
}

/** The spec's JSON Schema, which editors complete from. */
export function pipelineJsonSchema(): object {
  return z.toJSONSchema(pipelineSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
}
