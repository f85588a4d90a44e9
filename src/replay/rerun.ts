import { resolve } from 'node:path';
import type { Plan } from '../pipelines/plan/plan.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import type { Manifest, Parent } from '../runs/manifest/manifest.js';
import type { Recorded, RunOptions } from '../runs/options.js';
import { runPipeline, type Summary } from '../runs/run.js';
import type { TopicLog } from '../topics/log.js';
import { checkInputs } from './recorded.js';

/** How a replay reports, and how it is stopped. */
export type Watch = Pick<RunOptions, 'onEvent' | 'signal'>;

export interface Rerun extends Watch {
  readonly run: RunFolder;
  /** Folder of the recorded run. */
  readonly folder: string;
  /** What the new run changes of the recorded one. */
  readonly change: Omit<Parent, 'run' | 'folder'>;
  /** The changed plan. */
  readonly plan: Plan;
  /** Folder of the new run. */
  readonly to: string;
  readonly stages: readonly string[];
  readonly recorded: Omit<Recorded, 'parent' | 'fill'>;
  /** Copies the recorded records into the new run before its stages start. */
  readonly fill: (log: TopicLog) => Promise<void>;
  /** Fields of the manifest that may differ. */
  readonly changed?: readonly (keyof Manifest)[];
}

/**
 * Runs stages of a recorded run again into a new folder.
 * @returns the summary, and notes on inputs that differ without effect
 * @throws {UserError} `other-manifest` where another input than those in `changed` differs
 */
export async function rerun(work: Rerun): Promise<{ readonly summary: Summary; readonly notes: readonly string[] }> {
  const { run, folder, change, plan, to, stages, recorded, fill, changed, onEvent, signal } = work;
  const notes: string[] = [];
  const summary = await runPipeline({
    plan,
    folder: to,
    stages,
    ...(onEvent && { onEvent }),
    ...(signal && { signal }),
    recorded: {
      ...recorded,
      ...(run.manifest.date !== undefined && { date: run.manifest.date }),
      parent: { run: run.manifest.run, folder: resolve(folder), ...change },
      async fill(log, manifest) {
        notes.push(...checkInputs(run.manifest, manifest, changed));
        await fill(log);
      },
    },
  });
  return { summary, notes };
}
