import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';
import { UserError } from '../../support/errors.js';
import { at, required } from '../../support/required.js';
import { FencedError } from '../log.js';
import { writerKey } from './layout.js';

interface Holder {
  readonly pid: number;
  /** When the process began, where the system tells: process ids are used again. */
  readonly began: string;
  readonly id: string;
}

/** When a living process began; undefined for a dead one, empty where the system does not tell. */
function beginningOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Without the right to signal it, the process is still there.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Fields are counted after the command's closing bracket, as the command may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A killed process whose parent has not looked yet still has its id.
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
 * Makes this process the folder's writer. The holder is kept in the database itself: LMDB lets one process at a time into a
 * write transaction and frees a dead one's, so two processes can never take the lock over from a dead one both.
 * @throws {UserError} `topics-locked` while a living process holds it.
 * @returns the holder's mark, for `assertWriter` and `release`.
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

/** Inside a write transaction. @throws {FencedError} when another process took the folder over. */
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
