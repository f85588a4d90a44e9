import { readManifest } from '../runs/manifest/manifest.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import type { ArmRun } from './arms.js';

/** What a run was trained with besides its spec, by the section of the pipeline that decides it. */
const decided = {
  model: ({ model, engine }) => [model.weights, model.tokenizer, model.template, engine],
  prompts: ({ prompts }) => prompts,
  verify: ({ verifier }) => verifier,
  transform: ({ transform }) => transform,
  shape: ({ shaper, methodModule }) => [shaper, methodModule],
  'learn.loss': ({ lossModule }) => lossModule,
} as const satisfies Readonly<Record<string, (manifest: ReturnType<typeof readManifest>) => unknown>>;

/**
 * Checks that the runs of an experiment differ in what their arms say, and in nothing else: a file that a pipeline
 * names may have changed between two of them.
 * @param runs finished ones
 * @returns whether all were trained by the same version of the program
 * @throws {UserError} `runs-differ` naming arms, seeds and what differs
 */
export function checkRuns(runs: readonly ArmRun[]): { readonly sameProgram: boolean } {
  const found = runs.map((run) => ({ run, manifest: readManifest(run.folder) }));
  for (const [field, of] of Object.entries(decided)) {
    const seen = new Map<string, (typeof found)[number]>();
    for (const one of found) {
      const group = one.run.sets.filter((set) => changes(set, field)).join(' ');
      const first = seen.get(group) ?? one;
      seen.set(group, first);
      if (JSON.stringify(of(one.manifest)) === JSON.stringify(of(first.manifest))) continue;
      throw new UserError(
        'runs-differ',
        `${named(one.run)}: was trained with another ${field} than ${named(first.run)}, and its arm does not say so: ` +
          `a file that the pipeline names has changed in between; expected one version. Remove ${one.run.folder} or ` +
          `${first.run.folder} to train it again`,
      );
    }
  }
  return { sameProgram: new Set(found.map(({ manifest }) => manifest.code)).size <= 1 };
}

/** Whether an override `path=value` changes a field or something around or inside of it. */
function changes(set: string, field: string): boolean {
  const path = at(set.split('='), 0);
  return path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`);
}

const named = ({ arm, seed }: ArmRun): string => `arm ${arm}, seed ${seed}`;
