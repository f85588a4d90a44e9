import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { ownerOnlyFile, ownerOnlyFolder } from '../../support/owner-only.js';
import { writerKey } from './layout.js';
import { openStore } from './store.js';

/** Entries copied in one transaction. */
const batch = 4096;

/**
 * Rewrites the topics of a folder record by record, so that no removed data stays in the file: LMDB reuses freed pages
 * without wiping them. Needs disk space for a second copy. Processes that are reading the folder have to reopen it.
 * @throws {UserError} `topics-locked` while another process writes
 */
export async function rewriteEmbedded(folder: string): Promise<void> {
  const partial = join(folder, 'rewritten');
  rmSync(partial, { recursive: true, force: true });
  ownerOnlyFolder(partial);
  const store = openStore(folder, false);
  try {
    const copy = open<Buffer, Buffer>({
      path: partial,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      noMemInit: false,
    });
    try {
      store.read((db) => {
        let entries: [Buffer, Buffer][] = [];
        const write = () =>
          copy.transactionSync(() => {
            for (const [key, value] of entries) copy.put(key, value);
            entries = [];
          });
        for (const { key, value } of db.getRange({ start: Buffer.from([0]) })) {
          if (key.equals(writerKey)) continue;
          entries.push([Buffer.from(key), Buffer.from(value)]);
          if (entries.length >= batch) write();
        }
        write();
      });
    } finally {
      await copy.close();
    }
  } finally {
    await store.close();
  }
  // Processes with the old file open keep its lock table; the next one to open the folder creates a new one.
  ownerOnlyFile(join(partial, 'data.mdb'));
  renameSync(join(partial, 'data.mdb'), join(folder, 'data.mdb'));
  if (existsSync(join(folder, 'lock.mdb'))) rmSync(join(folder, 'lock.mdb'));
  rmSync(partial, { recursive: true });
}
