import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../digest.js';
import { UserError } from '../errors.js';
import { codecFor } from '../topics/codec.js';
import type { PipelineSpec } from './spec.js';
import { groupTopics, type TopicName } from './wire.js';

/** Everything that decides what a run computes. Two runs of one manifest give the same records. */
export interface Manifest {
  readonly format: 1;
  /** Name of the run: the pipeline's and a hash of the rest. */
  readonly run: string;
  readonly spec: PipelineSpec;
  /** Folder that the spec's paths are relative to. */
  readonly folder: string;
  readonly model: { readonly weights: string; readonly template: string };
  readonly teacherTemplate: string | null;
  readonly verifier: string;
  readonly shaper: string;
  readonly prompts: string;
  readonly schemas: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

const FILE = 'manifest.json';
const topics: readonly TopicName[] = [
  'prompts',
  'references',
  'privileged',
  ...groupTopics,
  'weights',
  'metrics',
  'dead-letters',
];

/** The manifest of a run to be: what was found of the model, verifier, template and prompts, with the fingerprints of this program. */
export function manifestOf(parts: Omit<Manifest, 'format' | 'run' | 'schemas' | 'versions'>): Manifest {
  const schemas = Object.fromEntries(topics.map((topic) => [topic, codecFor(topic).fingerprint]));
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const versions = {
    'rlsd-streams': own.version,
    'onnxruntime-node': own.dependencies['onnxruntime-node'] ?? '',
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
  const { folder, ...decisive } = parts;
  const name = `${parts.spec.pipeline}-${digest(JSON.stringify([decisive, schemas])).slice(0, 8)}`;
  return { format: 1, run: name, folder, ...decisive, schemas, versions };
}

/**
 * The manifest of a run's folder.
 * @throws {UserError} `no-run`, `bad-manifest`, `other-version`
 */
export function readManifest(run: string): Manifest {
  const file = join(run, FILE);
  if (!existsSync(file)) throw new UserError('no-run', `${run}: no run here, expected a folder with ${FILE}`);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (error) {
    throw new UserError('bad-manifest', `${file}: not JSON (${(error as Error).message})`);
  }
  if (manifest.format !== 1)
    throw new UserError('other-version', `${file}: found format ${JSON.stringify(manifest.format)}, expected 1`);
  return manifest;
}

/**
 * Claims a folder for a run: writes the manifest where there is none, and otherwise makes sure that it is the same.
 * @returns whether a run was there already
 * @throws {UserError} `other-manifest`, naming every difference
 */
export function claimFolder(run: string, manifest: Manifest): boolean {
  if (!existsSync(join(run, FILE))) {
    mkdirSync(run, { recursive: true });
    const partial = join(run, `${FILE}.partial`);
    writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`);
    renameSync(partial, join(run, FILE));
    return false;
  }
  const differences = compare(readManifest(run), manifest);
  if (differences.length > 0)
    throw new UserError(
      'other-manifest',
      `${run}: holds a run that differs:\n${differences.join('\n')}\nchoose another folder with --run`,
    );
  return true;
}

/** Differences as lines of field, found and expected. The machine's own versions may differ: they are for the record. */
function compare(found: Manifest, expected: Manifest): string[] {
  const decisive = ({ versions: _, folder: __, run: ___, ...rest }: Manifest) => rest;
  return differences(decisive(found), decisive(expected), []);
}

function differences(found: unknown, expected: unknown, path: readonly string[]): string[] {
  if (isObject(found) && isObject(expected))
    return [...new Set([...Object.keys(found), ...Object.keys(expected)])].flatMap((key) =>
      differences(found[key], expected[key], [...path, key]),
    );
  const [there, here] = [JSON.stringify(found), JSON.stringify(expected)];
  return there === here
    ? []
    : [`  ${path.join('.')}: the run has ${there ?? 'nothing'}, this pipeline ${here ?? 'nothing'}`];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
