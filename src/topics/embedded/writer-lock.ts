import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';
import { UserError } from '../../support/errors.js';
import { at, required } from '../../support/required.js';
import { FencedError } from '../log.js';
import { writerKey } from './layout.js';

interface Holder {
  readonly pid: number;
  /** Start time of the process, if the system reports it: process ids are reused. */
  readonly began: string;
  readonly id: string;
}

/** Start time of a live process; undefined for a dead one, empty if the system does not report it. */
function beginningOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // No permission to signal it: the process exists.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Count the fields after the command's closing parenthesis, since the command may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie keeps its id until its parent reaps it.
    return fields[0] === 'Z' ? undefined : at(fields, 19);
  } catch {
    return '';
  }
}

function holderIn(db: RootDatabase<Buffer, Buffer>): Holder | undefined {
  const bytes = db.getBinary(writerKey);
  return bytes && (JSON.parse(bytes.toString()) as Holder);
}

/**
 * Makes this process the folder's writer. The holder is stored in the database itself: LMDB allows one write
 * transaction at a time and releases that of a dead process, so two processes cannot both take over a stale lock.
 * @throws {UserError} `topics-locked` while a live process holds it
 * @returns the holder's token, for `assertWriter` and `release`
 */
export function acquireWriter(db: RootDatabase<Buffer, Buffer>, folder: string): string {
  return db.transactionSync(() => {
    const holder = holderIn(db);
    if (holder && beginningOf(holder.pid) === holder.began) {
      const who =
        holder.pid === process.pid ? `this process (pid ${holder.pid})` : `the process with pid ${holder.pid}`;
      throw new UserError(
        'topics-locked',
        `${folder}: ${who} already writes to these topics, and only one writer at a time is possible. ` +
          'Stop it first, or open the folder for reading only.',
      );
    }
    const id = randomUUID();
    const mine: Holder = {
      pid: process.pid,
      began: required(beginningOf(process.pid), 'the start time of this process'),
      id,
    };
    db.put(writerKey, Buffer.from(JSON.stringify(mine)));
    return id;
  });
}

/** Call inside a write transaction. @throws {FencedError} if another process has taken over the folder */
export function assertWriter(db: RootDatabase<Buffer, Buffer>, id: string, folder: string): void {
  const holder = holderIn(db);
  if (holder?.id !== id) {
    const by = holder ? `by the process with pid ${holder.pid}` : 'and released';
    throw new FencedError(`${folder}: these topics were taken over ${by}; nothing was written`);
  }
}

export function releaseWriter(db: RootDatabase<Buffer, Buffer>, id: string): void {
  db.transactionSync(() => {
    if (holderIn(db)?.id === id) db.remove(writerKey);
  });
}
