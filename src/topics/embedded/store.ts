import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { UserError } from '../../support/errors.js';
import { ownerOnlyFile, ownerOnlyFolder } from '../../support/owner-only.js';
import { LogUnavailableError } from '../log.js';
import { groupCommit } from './group-commit.js';
import { formatKey } from './layout.js';
import { verifyFile } from './verify.js';
import { acquireWriter, assertWriter, releaseWriter } from './writer-lock.js';

const format = { format: 'rlsd-topics', version: 3 };

/** The open database, which turns every failure into an error that a user can act on. */
export interface Store {
  readonly folder: string;
  readonly readOnly: boolean;
  /** Runs reads on the latest committed state. */
  read<T>(action: (db: RootDatabase<Buffer, Buffer>) => T): T;
  /** Runs one transaction. It is on disk when this returns; if the action throws, nothing is written. */
  write<T>(action: (db: RootDatabase<Buffer, Buffer>) => T): T;
  /**
   * Runs one transaction. Those requested in the same turn of the event loop run together, in order: they share one
   * disk sync, and each fails on its own. The action may run twice.
   */
  commit<T>(action: (db: RootDatabase<Buffer, Buffer>) => T): Promise<T>;
  close(): Promise<void>;
}

/** A read may rely on a file check no older than this (ms); a write always checks. */
const READ_CHECK_MS = 50;

const causes: Readonly<Record<string, readonly [code: string, advice: string]>> = {
  ENOSPC: ['disk-full', 'the disk is full; this transaction was not written. Free some space, then resume'],
  EDQUOT: ['disk-full', 'the disk quota is exhausted; this transaction was not written. Free some space, then resume'],
  // LMDB reports a partial write of the file system as this code.
  EIO: ['disk-full', 'the disk is full or failing; this transaction was not written. Free some space, then resume'],
  EFBIG: ['disk-full', 'the file may not grow further; nothing of this transaction was written'],
  EACCES: ['topics-permission', 'no permission; check the owner and the mode of the folder and its files'],
  EPERM: ['topics-permission', 'no permission; check the owner and the mode of the folder and its files'],
  EROFS: ['topics-permission', 'the file system is read-only'],
  ENOENT: ['topics-missing', 'not there'],
  ENOTDIR: ['topics-missing', 'not a folder'],
  EEXIST: ['topics-missing', 'not a folder'],
  MDB_MAP_FULL: ['disk-full', 'the address space for the file is used up; nothing of this transaction was written'],
  MDB_READERS_FULL: ['too-many-readers', 'too many processes read these topics at once'],
  MDB_INVALID: ['topics-corrupt', 'data.mdb is not a database of topics, or its head is damaged'],
  MDB_VERSION_MISMATCH: ['topics-version', 'data.mdb was written by another version of LMDB'],
};
/** Error names by the numbers of the operating system and LMDB; Node's own errors already carry the name. */
const numbers: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  5: 'EIO',
  13: 'EACCES',
  20: 'ENOTDIR',
  27: 'EFBIG',
  28: 'ENOSPC',
  30: 'EROFS',
  122: 'EDQUOT',
  [-30792]: 'MDB_MAP_FULL',
  [-30790]: 'MDB_READERS_FULL',
  [-30793]: 'MDB_INVALID',
  [-30794]: 'MDB_VERSION_MISMATCH',
};

function explain(folder: string, error: unknown): Error {
  const { code, message } = error as { code?: string | number; message?: string };
  const name = typeof code === 'number' ? numbers[code] : code;
  const known = name === undefined ? undefined : causes[name];
  // Besides LMDB's own errors, impossible lengths and invalid JSON indicate a damaged page.
  const damaged = typeof code === 'number' || error instanceof RangeError || error instanceof SyntaxError;
  if (error instanceof UserError || (!known && !damaged)) return error as Error;
  const [kind, advice] = known ?? ['topics-corrupt', 'the topics cannot be read or written; data.mdb may be damaged'];
  const explained = new UserError(kind, `${folder}: ${advice} (${message ?? String(error)})`);
  if (!known) explained.cause = error;
  return explained;
}

function openDatabase(folder: string, readOnly: boolean): RootDatabase<Buffer, Buffer> {
  const file = join(folder, 'data.mdb');
  if (readOnly && !existsSync(file)) {
    throw new UserError('topics-missing', `${folder}: no topics here; data.mdb is not there`);
  }
  if (!readOnly) ownerOnlyFolder(folder);
  if (existsSync(file)) verifyFile(file);
  const db = open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    readOnly,
    encoding: 'binary',
    keyEncoding: 'binary',
    // Sync every commit, in LMDB's own write order: committed data survives crashes and power failures.
    overlappingSync: false,
  });
  if (!readOnly) for (const name of ['data.mdb', 'lock.mdb']) ownerOnlyFile(join(folder, name));
  return db;
}

function checkFormat(db: RootDatabase<Buffer, Buffer>, folder: string): boolean {
  const found = db.getBinary(formatKey);
  if (found === undefined) {
    if (db.getKeysCount({ start: Buffer.from([0]), limit: 1 }) === 0) return false;
    throw new UserError('topics-version', `${folder}: data.mdb is an LMDB database, but not one of topics`);
  }
  const { format: name, version } = JSON.parse(found.toString()) as typeof format;
  if (name !== format.format || version !== format.version) {
    throw new UserError(
      'topics-version',
      `${folder}: these topics have format ${name} ${version}; this release reads and writes ${format.format} ` +
        `${format.version}`,
    );
  }
  return true;
}

/** @throws {UserError} saying why the folder cannot be used */
export function openStore(path: string, readOnly: boolean): Store {
  const folder = resolve(path);
  const file = join(folder, 'data.mdb');
  const guard = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw explain(folder, error);
    }
  };

  const db = guard(() => openDatabase(folder, readOnly));
  const inode = statSync(file).ino;
  // LMDB would keep writing to a file that has been unlinked.
  let seen = Number.NEGATIVE_INFINITY;
  const assertThere = (agoMs: number) => {
    if (performance.now() - seen < agoMs) return;
    seen = Number.NEGATIVE_INFINITY;
    if (statSync(file, { throwIfNoEntry: false })?.ino !== inode) {
      throw new LogUnavailableError('topics-gone', `${folder}: data.mdb was removed or replaced while it was open`);
    }
    seen = performance.now();
  };

  let writer: string | undefined;
  try {
    guard(() => {
      const formatted = checkFormat(db, folder);
      if (readOnly) return;
      // Format first: a process killed afterwards leaves a valid empty log, one killed before an empty LMDB file.
      if (!formatted) db.transactionSync(() => db.put(formatKey, Buffer.from(JSON.stringify(format))));
      writer = acquireWriter(db, folder);
    });
  } catch (error) {
    void db.close();
    throw error;
  }

  let closed = false;
  const assertOpen = () => {
    if (closed) throw new UserError('topics-closed', `${folder}: these topics were closed`);
  };
  const write = <T>(action: (db: RootDatabase<Buffer, Buffer>) => T): T =>
    guard(() => {
      if (writer === undefined) {
        throw new UserError('topics-read-only', `${folder}: these topics were opened for reading only`);
      }
      const id = writer;
      assertOpen();
      assertThere(0);
      return db.transactionSync(() => {
        assertWriter(db, id, folder);
        return action(db);
      });
    });
  const group = groupCommit(write);
  return {
    folder,
    readOnly,
    read: (action) =>
      guard(() => {
        assertOpen();
        assertThere(READ_CHECK_MS);
        if (readOnly) db.resetReadTxn();
        return action(db);
      }),
    write,
    commit: group.commit,
    async close() {
      if (closed) return;
      group.flush();
      closed = true;
      if (writer !== undefined && existsSync(file)) releaseWriter(db, writer);
      await db.close();
    },
  };
}
