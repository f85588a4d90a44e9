import { openSource } from '../../sources/prompts.js';
import type { Found, PromptSource, SourceItem } from '../../sources/source.js';
import { digest } from '../../support/digest.js';
import type { PipelineSpec } from '../spec/spec.js';
import { itemIdIn, type Task, tasksOf } from '../spec/tasks.js';
import { recordedDigest } from './recorded.js';

/** The prompts of one task. */
export interface TaskSource {
  readonly task: Task;
  readonly source: Pick<PromptSource<Found | null>, 'from'>;
}

/** Where a run's prompts come from. */
export interface Sources {
  readonly tasks: readonly TaskSource[];
  /** The held-out items of every task, under the ids that they have in the run. */
  readonly heldOut: readonly SourceItem[];
  /** The share of questions that each task holds out, where it is one: what `heldOut` may say to keep the split. */
  readonly heldOutShares: Readonly<Record<string, number>>;
  /** Content hash of all that is read. */
  readonly hash: string;
}

/**
 * Opens the prompts of each task, and finds what a recorded topic contains.
 * @param folder what the spec's paths are relative to
 * @throws {UserError} as `openSource`; `no-run`, `unknown-topic` for a recorded topic
 */
export async function openSources(spec: PipelineSpec, folder: string): Promise<Sources> {
  const tasks: TaskSource[] = [];
  const hashes: string[] = [];
  const heldOut: SourceItem[] = [];
  const shares: [string, number][] = [];
  for (const task of tasksOf(spec)) {
    if (!task.prompts) continue;
    const { file } = spec.evaluate;
    const prompts = file === undefined ? task.prompts : { ...task.prompts, heldOut: { file } };
    const source = await openSource({ prompts, seed: spec.seed, trains: spec.learn !== undefined }, folder);
    tasks.push({ task, source });
    hashes.push(task.name === '' ? source.hash : digest(task.name, source.hash));
    if (source.heldOutShare) shares.push([task.name, source.heldOutShare]);
    heldOut.push(...source.heldOut.map((item) => ({ ...item, itemId: itemIdIn(task, item.itemId) })));
  }
  if (spec.from) hashes.push(await recordedDigest(spec.from, folder));
  const [only] = hashes;
  const heldOutShares = Object.fromEntries(shares);
  return { tasks, heldOut, heldOutShares, hash: hashes.length === 1 && only !== undefined ? only : digest(...hashes) };
}
