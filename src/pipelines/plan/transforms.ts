import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fileDigest } from '../../models/safetensors.js';
import {
  defineTransform,
  type GroupTopic,
  groupTopics,
  type Transform,
  type TransformOperator,
} from '../../operators/transform.js';
import type { Unit } from '../../runtime/stage.js';
import { nearest, UserError } from '../../support/errors.js';
import type { TopicSpec } from '../../topics/log.js';
import {
  moduleOf,
  type PlacedEntry,
  placedEntries,
  registeredTransform,
  transformModules,
} from '../../transforms/transform-spec.js';
import type { PipelineSpec } from '../spec/spec.js';

const EXPECTED =
  'expected a function without arguments that returns an RxJS operator, as in export default () => map(…)';
const units: readonly Unit[] = ['record', 'group', 'step'];

/**
 * The transforms that a spec names: those of the package, and modules whose default export is a function that returns
 * the RxJS operator, with `unit` and `drops` as further exports.
 *
 * @throws {UserError} `bad-operator`, `bad-plan`
 */
export async function loadTransforms(spec: Pick<PipelineSpec, 'transform'>, folder: string): Promise<Transform[]> {
  return Promise.all(
    placedEntries(spec.transform).map(async (placed) => {
      const path = moduleOf(placed.entry);
      return path === undefined ? registeredTransform(placed) : loadTransform(placed, resolve(folder, path));
    }),
  );
}

/**
 * The transforms that a spec names, where all are of the package.
 * @throws {UserError} `module-not-loaded` for a module, which takes time to load
 */
export function registeredTransforms({ transform }: Pick<PipelineSpec, 'transform'>): Transform[] {
  return placedEntries(transform).map((placed) => {
    const path = moduleOf(placed.entry);
    if (path === undefined) return registeredTransform(placed);
    const message = `${placed.where}: ${path} is a file; import it and pass the operator, or use \`loadPlan\``;
    throw new UserError('module-not-loaded', message);
  });
}

async function loadTransform({ topic, where }: PlacedEntry, file: string): Promise<Transform> {
  if (!isGroupTopic(topic)) throw noSuchTopic(topic, groupTopics);
  const bad = (problem: string) => new UserError('bad-operator', `${where}: ${file}${problem}`);
  const exported = await importModule(file, bad);
  const { unit = 'group', drops = false } = exported;
  if (!isUnit(unit)) throw bad(`: unit is ${JSON.stringify(unit)}, expected ${units.join(', ')}`);
  if (typeof drops !== 'boolean') throw bad(`: drops is ${JSON.stringify(drops)}, expected true or false`);
  const operator = operatorOf(exported.default, bad);
  return defineTransform(topic, basename(file, extname(file)), operator, { unit, drops });
}

interface Exports {
  readonly default?: unknown;
  readonly unit?: unknown;
  readonly drops?: unknown;
}

async function importModule(file: string, bad: (problem: string) => UserError): Promise<Exports> {
  try {
    const module: Exports = await import(pathToFileURL(file).href);
    return module;
  } catch (error) {
    throw bad(` cannot be loaded: ${messageOf(error)}`);
  }
}

/** Calls the function once: a mistake in it is found before the run starts. */
function operatorOf<T extends GroupTopic>(found: unknown, bad: (problem: string) => UserError): TransformOperator<T> {
  if (!isFactory<T>(found))
    throw bad(
      ` has ${found === undefined ? 'no default export' : `a default export that is a ${typeof found}`}, ${EXPECTED}`,
    );
  let operator: unknown;
  try {
    operator = found();
  } catch (error) {
    throw bad(`: ${messageOf(error)}; ${EXPECTED}`);
  }
  if (typeof operator === 'function') return found;
  const given = operator === undefined ? 'nothing' : `a ${typeof operator}`;
  throw bad(`: the default export returned ${given}; ${EXPECTED}`);
}

const isFactory = <T extends GroupTopic>(value: unknown): value is TransformOperator<T> => typeof value === 'function';
const isGroupTopic = (topic: string): topic is GroupTopic => groupTopics.some((known) => known === topic);
const isUnit = (unit: unknown): unit is Unit => units.some((known) => known === unit);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function noSuchTopic(topic: string, present: readonly string[]): UserError {
  const near = nearest(topic, present);
  const hint = near ? `did you mean ${near}?` : `expected one of ${present.join(', ')}`;
  return new UserError('bad-plan', `transform.${topic}: the plan has no such topic of samples; ${hint}`);
}

/** Content hash of each module that the spec names, by topic and path. */
export function transformHashes({ spec, folder }: { readonly spec: PipelineSpec; readonly folder: string }) {
  return Object.fromEntries(
    transformModules(spec.transform).map(({ topic, path }) => [
      `${topic}.${basename(path, extname(path))}`,
      fileDigest(resolve(folder, path)),
    ]),
  );
}

/**
 * Checks that each transform follows a topic of the plan, and that a step is never spread over partitions.
 * @throws {UserError} `bad-plan`
 */
export function checkTransforms(
  transforms: readonly Pick<Transform, 'topic' | 'name' | 'unit'>[],
  topics: readonly TopicSpec[],
): void {
  const present = groupTopics.filter((known) => topics.some(({ name }) => name === known));
  for (const { topic, name, unit } of transforms) {
    const found = topics.find((known) => known.name === topic);
    if (!found) throw noSuchTopic(topic, present);
    if (unit === 'step' && found.partitions > 1)
      throw new UserError(
        'bad-plan',
        `transform.${topic}: ${name} works on a whole step, and the topic has ${found.partitions} partitions, ` +
          'each with a part of it; expected one: follow advantages, or set topics.kafka.partitions to 1',
      );
  }
}
