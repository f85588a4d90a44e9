import { existsSync } from 'node:fs';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import { logFolder, openLog } from '../../pipelines/topic-log.js';
import { UserError } from '../../support/errors.js';
import type { TopicLog } from '../../topics/log.js';
import { type Manifest, readManifest } from '../manifest/manifest.js';

export interface RunFolder {
  readonly manifest: Manifest;
  readonly plan: Plan;
  readonly log: TopicLog;
}

/** Looks at the topics of a run, and closes them however that ends: an open connection would keep the process alive. */
export async function withRunFolder<T>(folder: string, look: (run: RunFolder) => Promise<T>): Promise<T> {
  const run = await openRunFolder(folder);
  try {
    return await look(run);
  } finally {
    await run.log.close();
  }
}

/**
 * Opens the topics of a run, read-only by default; another process may be running it.
 * @throws {UserError} `no-run`
 */
export async function openRunFolder(folder: string, { readOnly = true } = {}): Promise<RunFolder> {
  const manifest = readManifest(folder);
  const plan = await loadPlan(manifest.spec, manifest.folder);
  if (plan.store.traits.location === 'folder' && !existsSync(logFolder(folder)))
    throw new UserError('no-run', `${folder}: the run has not begun; it has no topics yet`);
  return { manifest, plan, log: await openLog(plan, folder, { readOnly }) };
}
