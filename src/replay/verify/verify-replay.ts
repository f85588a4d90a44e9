import { existsSync } from 'node:fs';
import { flowOrder } from '../../pipelines/plan/plan.js';
import type { RunFolder } from '../../runs/inspect/run-folder.js';
import { type Parent, readManifest } from '../../runs/manifest/manifest.js';
import { UserError } from '../../support/errors.js';
import { localStore } from '../../topics/registry.js';
import { replayFrom } from '../from.js';
import { parsePart } from '../part.js';
import { checkInputs, isSpread, tables } from '../recorded.js';
import type { Watch } from '../rerun.js';
import { compareRun, type RunComparison } from './compare.js';

/**
 * Repeats a replay from the records of its parent, with the same changes and the same part, and compares every topic.
 * @param to folder of the repetition
 * @throws {UserError} `parent-gone` where the parent is no longer in its folder
 */
export async function verifyReplay(
  run: RunFolder,
  folder: string,
  parent: Parent,
  to: string,
  watch: Watch,
): Promise<RunComparison & { readonly notes: readonly string[] }> {
  const { manifest, plan } = run;
  const found = existsSync(parent.folder) ? readManifest(parent.folder).run : 'nothing';
  if (found !== parent.run)
    throw new UserError(
      'parent-gone',
      `${folder}: is a replay of ${parent.run}; found ${found} in ${parent.folder}, expected that run`,
    );
  const { from, set, only, train, evaluate } = parent;
  const { notes } = await replayFrom(parent.folder, {
    ...{ from, to, train, evaluate, proof: true, ...watch },
    set: [...set, `topics=${localStore}`],
    part: parsePart(only),
  });
  checkInputs(manifest, readManifest(to));
  const made = flowOrder(plan, from).map(({ output }) => output);
  const disagreements = plan.topics.flatMap(({ name }) => (name === 'disagreements' ? [name] : []));
  const metrics = isSpread(run) ? [] : ['metrics', ...(evaluate ? ['evaluations'] : [])];
  // Without training, `weights` is a copy of the recorded topic.
  const compared = ['prompts', ...tables, from, ...made, 'weights', ...disagreements, ...metrics, 'dead-letters'];
  const comparison = await compareRun(run, to, [...new Set(compared)]);
  return { notes: [`repeated from the ${from} of ${parent.folder}`, ...notes], ...comparison };
}
