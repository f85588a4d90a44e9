import { existsSync } from 'node:fs';
import { flowOrder } from '../pipelines/plan/plan.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { type Parent, readManifest } from '../runs/manifest/manifest.js';
import { UserError } from '../support/errors.js';
import { compareRun, type RunComparison } from './compare.js';
import { type ReplayOptions, replayFrom } from './from.js';
import { parsePart } from './part.js';
import { checkInputs, isSpread, tables } from './recorded.js';

/**
 * A replay is what its parent, its change and its part make, so it is done again and compared.
 * @throws {UserError} `parent-gone`
 */
export async function verifyReplay(
  run: RunFolder,
  folder: string,
  parent: Parent,
  to: string,
  { onEvent, signal }: Pick<ReplayOptions, 'onEvent' | 'signal'>,
): Promise<RunComparison & { readonly notes: readonly string[] }> {
  const { manifest, plan } = run;
  const there = existsSync(parent.folder) ? readManifest(parent.folder).run : 'nothing';
  if (there !== parent.run)
    throw new UserError(
      'parent-gone',
      `${folder}: is a replay of ${parent.run}; found ${there} in ${parent.folder}, expected that run to replay it again`,
    );
  const { from, set, only, train, evaluate } = parent;
  const part = parsePart(only);
  const changes = [...set, 'topics=embedded'];
  const { notes } = await replayFrom(parent.folder, {
    ...{ from, to, set: changes, part, train, evaluate, proof: true },
    ...(onEvent && { onEvent }),
    ...(signal && { signal }),
  });
  checkInputs(manifest, readManifest(to));
  const made = flowOrder(plan, from).map(({ output }) => output);
  const also = plan.topics.flatMap(({ name }) => (name === 'disagreements' ? [name] : []));
  // Without training the recorded weights are taken over.
  const compared = ['prompts', ...tables, from, ...made, 'weights', ...also, ...(isSpread(run) ? [] : ['metrics'])];
  const found = await compareRun(run, to, [...new Set([...compared, 'dead-letters'])]);
  return { notes: [`replayed again from the ${from} of ${parent.folder}`, ...notes], ...found };
}
