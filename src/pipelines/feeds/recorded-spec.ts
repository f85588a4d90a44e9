import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { checkSpec } from '../spec/parse.js';
import type { PipelineSpec } from '../spec/spec.js';

/** Name of the file in a run's folder that says what the run is. */
export const MANIFEST = 'manifest.json';

const manifestSchema = z.looseObject({
  spec: z.unknown(),
  folder: z.string(),
  model: z.looseObject({ tokenizer: z.string() }),
});

export interface RecordedRun {
  readonly spec: PipelineSpec;
  /** What the paths of its spec are relative to. */
  readonly folder: string;
  /** SHA-256 of the tokenizer that its token ids are from. */
  readonly tokenizer: string;
}

/**
 * What a run's manifest says of its pipeline.
 * @throws {UserError} `no-run`, `bad-manifest`, `bad-spec`
 */
export function recordedSpec(run: string): RecordedRun {
  const file = join(run, MANIFEST);
  if (!existsSync(file))
    throw new UserError('no-run', `from.run: ${run}: no run here, expected a folder with ${MANIFEST}`);
  let manifest: z.output<typeof manifestSchema>;
  try {
    manifest = manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-manifest', `from.run: ${file}: is no manifest of a run: ${reason}`);
  }
  const { spec, folder, model } = manifest;
  return { spec: checkSpec(spec, { locate: () => `${file}: spec` }), folder, tokenizer: model.tokenizer };
}

/**
 * A spec that begins with recorded samples, with what the recorded run says of them: how they were sampled and, where
 * they have their advantages, by which method. Any other spec stays as it is.
 * @param folder what the spec's paths are relative to
 * @throws {UserError} as `recordedSpec`
 */
export function withRecorded(spec: PipelineSpec, folder: string): PipelineSpec {
  const { from, rollout } = spec;
  if (!from || rollout) return spec;
  const recorded = recordedSpec(resolve(folder, from.run));
  const method = spec.shape ?? (from.topic === 'advantages' ? absolute(recorded) : undefined);
  return { ...spec, rollout: recorded.spec.rollout, ...(method !== undefined && { shape: method }) };
}

/** The method of a recorded run, where its module is found from any folder. */
function absolute({ spec: { shape }, folder }: RecordedRun): PipelineSpec['shape'] {
  return typeof shape === 'object' && 'module' in shape && typeof shape.module === 'string'
    ? { ...shape, module: resolve(folder, shape.module) }
    : shape;
}
