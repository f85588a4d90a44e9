import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST } from '../../pipelines/feeds/recorded-spec.js';
import { UserError } from '../../support/errors.js';

/** File with the id that a folder's run has in its topics. */
const CLAIM = 'claim';

/** What the file says where the topics have no id. */
const NO_ID = 'none';

/** What a folder knows of the run that it belongs to, before the topics are asked. */
export interface FolderClaim {
  /** Id that tells apart runs of the same name and manifest. */
  readonly id: string;
  /** Whether the folder had a run, but no id: one of a release that wrote none. */
  readonly older: boolean;
}

/** The claim of a folder: of the processes that share the folder, the first one's. */
export function folderClaim(run: string): FolderClaim {
  const file = join(run, CLAIM);
  if (existsSync(file)) return { id: readFileSync(file, 'utf8').trim(), older: false };
  const older = existsSync(join(run, MANIFEST));
  mkdirSync(run, { recursive: true });
  const partial = writePartial(run, randomUUID());
  try {
    // Unlike a renamed file, a link never replaces that of another process, and is never seen half written.
    linkSync(partial, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(partial);
  }
  return { id: readFileSync(file, 'utf8').trim(), older };
}

/** What the topics say of the run's beginning. */
export interface TopicClaim {
  /** Missing in runs of earlier releases. */
  readonly claim: string | undefined;
  /** When the run was begun: milliseconds since the epoch. */
  readonly begun: number;
}

/**
 * Lets a folder take part in the run of the topics if it did before, or is asked to.
 * @throws {UserError} `run-of-others`
 */
export function joinRun(run: string, own: FolderClaim, { claim, begun }: TopicClaim, asked: boolean): void {
  const found = claim ?? NO_ID;
  if (found === own.id) return;
  const wasHere = own.older && claim === undefined;
  if (!wasHere && !asked)
    throw new UserError(
      'run-of-others',
      `the topics of ${run} belong to a run that was begun from another folder on ${new Date(begun).toISOString()}; ` +
        'to take part in it, add --join; to begin one of your own, choose another name with --run',
    );
  renameSync(writePartial(run, found), join(run, CLAIM));
}

function writePartial(run: string, id: string): string {
  const partial = join(run, `${CLAIM}.${randomUUID()}.partial`);
  writeFileSync(partial, `${id}\n`);
  return partial;
}
