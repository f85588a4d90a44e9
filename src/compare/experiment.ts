import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { readYaml } from '../pipelines/spec/read-yaml.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { settingProblems } from '../support/settings.js';

/** Arms that a method with privileged context is compared with, each a setting of the pipeline. */
export const controls = {
  shuffled: { 'teach.context': 'shuffled' },
  none: { 'teach.context': 'none' },
  permuted: { 'teach.weights': 'permuted' },
} as const;
export type ControlName = keyof typeof controls;

const controlNames = Object.keys(controls) as [ControlName, ...ControlName[]];
const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes');
const seed = z.int().min(0);
const overrides = z.record(z.string().min(1), z.unknown());

/** What decides prompts and budget: arms share it. */
const shared = ['seed', 'steps', 'prompts', 'tasks', 'evaluate', 'topics', 'from'];

const arm = overrides.superRefine((fields, context) => {
  for (const field of Object.keys(fields))
    if (shared.includes(at(field.split('.'), 0)))
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `an arm cannot change ${field}, which decides prompts and budget; set it in the pipeline for all arms`,
      });
});

export const experimentSchema = z
  .strictObject({
    experiment: name.describe('Name of the experiment; its results go to a folder of that name.'),
    pipeline: z.string().min(1).describe('The pipeline file that every arm changes.'),
    arms: z
      .record(name, arm)
      .refine((arms) => Object.keys(arms).length > 0, 'expected at least one arm')
      .describe('Arms by name, each with the fields of the pipeline that it changes, by dotted path.'),
    baseline: name.describe('The arm that the others are compared with.'),
    controls: z
      .array(z.enum(controlNames))
      .default([...controlNames])
      .describe(
        "Controls of every arm whose teacher sees privileged context: another prompt's context, none, or permuted " +
          'weights.',
      ),
    tune: z
      .strictObject({
        field: z.string().min(1).default('learn.lr').describe('The field that is tuned for each arm.'),
        values: z.array(z.unknown()).min(2).describe('Its values.'),
        seeds: z.array(seed).min(1).describe('Seeds that the choice is made on; none of them is reported.'),
      })
      .optional()
      .describe(
        'A sweep for each arm before the comparison; the value with the largest mean area under the curve is ' +
          "taken. An arm's controls take the arm's value.",
      ),
    seeds: z.array(seed).min(1).describe('Seeds of the comparison. Every arm runs with each.'),
    threshold: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('Held-out accuracy whose first step is reported. Default: where the baseline ends on average.'),
    parallel: z.int().min(1).optional().describe('Runs at a time. Default: one for every two cores.'),
  })
  .superRefine(({ arms, baseline, seeds, tune }, context) => {
    if (!Object.hasOwn(arms, baseline))
      context.addIssue({
        code: 'custom',
        path: ['baseline'],
        message: `found ${baseline}, expected one of the arms: ${Object.keys(arms).join(', ')}`,
      });
    const tuned = seeds.filter((one) => tune?.seeds.includes(one));
    if (tuned.length > 0)
      context.addIssue({
        code: 'custom',
        path: ['seeds'],
        message: `${tuned.join(', ')}: also a seed of tune; expected fresh seeds for the comparison`,
      });
    for (const [field, list] of Object.entries({ seeds, 'tune.seeds': tune?.seeds ?? [] }))
      if (new Set(list).size < list.length)
        context.addIssue({ code: 'custom', path: [field], message: 'found a seed twice, expected different seeds' });
  });

export type ExperimentSpec = z.output<typeof experimentSchema>;

export interface Experiment {
  readonly spec: ExperimentSpec;
  /** Path of the pipeline file. */
  readonly pipeline: string;
  readonly parallel: number;
}

/**
 * Reads an experiment file.
 * @throws {UserError} `no-file`; `bad-spec` for what is no YAML; `bad-experiment` with every problem
 */
export function readExperiment(file: string): Experiment {
  const { data, place } = readYaml(file);
  const result = experimentSchema.safeParse(data);
  if (!result.success) {
    const problems = settingProblems(result.error.issues, experimentSchema, data).map(
      ({ path, message }) => `${place(path)}: ${path.join('.') || 'the file'}: ${message}`,
    );
    throw new UserError('bad-experiment', problems.join('\n'));
  }
  const spec = result.data;
  return {
    spec,
    pipeline: resolve(dirname(file), spec.pipeline),
    parallel: spec.parallel ?? Math.max(1, Math.floor(availableParallelism() / 2)),
  };
}
