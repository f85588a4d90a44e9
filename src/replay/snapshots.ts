import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { weightsFolder } from '../runs/weights/publisher.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import type { LogRecord } from '../topics/log.js';
import { recordsOf } from '../topics/scan.js';

export interface SnapshotQuery {
  /** The topic that the replay starts from. */
  readonly from: string;
  /** Which of its records are replayed. */
  readonly keep: (record: LogRecord) => boolean;
  /** Steps between two teachers, `teach.every`. */
  readonly every: number;
  /** Whether recorded scores may be reused, so that missing weights are not an error yet. */
  readonly reuses: { readonly scores: boolean };
}

/**
 * Folders, relative to the run, of the recorded weights that a replay may have to score with.
 * @throws {UserError} `weights-gone` where one has been deleted and its scores cannot be reused
 */
export async function teacherSnapshots({ log }: RunFolder, folder: string, query: SnapshotQuery): Promise<string[]> {
  const { from, keep, every, reuses } = query;
  const needed = new Set<number>();
  // Rollouts, verdicts and scores all name the version that sampled them.
  for await (const { policyVersion } of recordsOf(log, from as 'rollouts', keep))
    needed.add(policyVersion - (policyVersion % every));
  const isThere = (version: number) => existsSync(join(folder, weightsFolder(version)));
  const gone = [...needed].filter((version) => !isThere(version));
  if (gone.length > 0 && !reuses.scores)
    throw new UserError(
      'weights-gone',
      `${folder}: the teacher's version ${gone.join(', ')} is no longer on disk (publish.keep), expected in ` +
        `${weightsFolder(at(gone, 0))}; --train trains it again`,
    );
  return [...needed].filter(isThere).map((version) => weightsFolder(version));
}
