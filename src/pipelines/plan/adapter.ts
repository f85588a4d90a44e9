import { resolve } from 'node:path';
import type { LearnedAdapter } from '../../learner/learner.js';
import { modelDigest, readConfig } from '../../models/folder.js';
import { readAdapter } from '../../models/lora/folder.js';
import { initAdapter } from '../../models/lora/init.js';
import { type Adapter, adapterShapes, type Lora, modulesOf, projections } from '../../models/lora/lora.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import type { PipelineSpec } from '../spec/spec.js';
import { baseFolder } from './model.js';

/** Rank where the spec does not say. */
const RANK = 16;

/**
 * The adapter that a run begins with: the given one, or a new one drawn from the run's seed, which changes nothing yet.
 * Undefined where the run has none. All seven projections have one by default: with the same rank that learns faster
 * than attention alone (Dettmers et al. 2023, arXiv 2305.14314, figure 2).
 * @param folder what the spec's paths are relative to
 * @throws {UserError} `bad-adapter`, `bad-model-file` as `readAdapter`, and where the spec says something else
 */
export function initialAdapter(spec: PipelineSpec, folder: string): LearnedAdapter | undefined {
  const { lora, base } = spec.model;
  if (lora === undefined) return undefined;
  if (lora.adapter !== undefined) return { ...givenAdapter(spec, folder, lora.adapter), base };
  const config = readConfig(baseFolder(spec, folder));
  return { ...initAdapter(config, newLora(spec, folder), spec.seed), base };
}

/** What a new adapter of a spec is. */
function newLora(spec: PipelineSpec, folder: string): Lora {
  const { rank = RANK, alpha = 2 * rank, rslora = false, targets = 'all' } = spec.model.lora ?? {};
  const config = readConfig(baseFolder(spec, folder));
  return { rank, alpha, rslora, modules: modulesOf(config, targets === 'all' ? projections : targets) };
}

function givenAdapter(spec: PipelineSpec, folder: string, path: string): Adapter {
  const config = readConfig(baseFolder(spec, folder));
  const adapter = readAdapter(resolve(folder, path), config);
  const { targets, adapter: _, ...named } = spec.model.lora ?? {};
  const modules = targets && modulesOf(config, targets === 'all' ? projections : targets);
  for (const [field, wanted] of Object.entries({ ...named, ...(modules && { modules }) })) {
    const found = adapter.lora[field as keyof Lora];
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      throw new UserError(
        'bad-adapter',
        `model.lora.${field === 'modules' ? 'targets' : field}: found ` +
          `${JSON.stringify(named[field as keyof typeof named] ?? targets)}, but the adapter in ${path} has ${JSON.stringify(found)}; leave the field out to take the adapter's`,
      );
  }
  return adapter;
}

/** Identity of an adapter that a run was given: of its weights and of what it multiplies them by. */
export function givenAdapterDigest(spec: PipelineSpec, folder: string): string | undefined {
  const path = spec.model.lora?.adapter;
  if (path === undefined) return undefined;
  return digest(modelDigest(resolve(folder, path)), JSON.stringify(givenAdapter(spec, folder, path).lora));
}

/** Number of values in the adapter of a run; undefined where the whole model is trained. */
export function adapterSize(spec: PipelineSpec, folder: string): number | undefined {
  if (!spec.model.lora) return undefined;
  const { adapter: path } = spec.model.lora;
  const lora = path === undefined ? newLora(spec, folder) : givenAdapter(spec, folder, path).lora;
  const shapes = adapterShapes(readConfig(baseFolder(spec, folder)), lora);
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
