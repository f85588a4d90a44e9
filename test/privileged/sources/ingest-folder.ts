import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type PrivilegedTable, privilegedTable } from '../../../src/privileged/documents/table.js';
import { type IngestOptions, ingest } from '../../../src/privileged/sources/ingest.js';
import type { DocumentSource } from '../../../src/privileged/sources/source.js';
import type { TopicLog } from '../../../src/topics/index.js';
import { type MemoryLog, memoryLog } from '../memory-log.js';

/** A folder of sources for each test of a file. */
export function ingestFolder() {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rlsd-ingest-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  let clock = 0;
  const now = () => ++clock;
  return {
    get folder() {
      return folder;
    },
    now,
    write(name: string, content: string | Uint8Array): void {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), content);
    },
    run: (
      log: TopicLog,
      table: PrivilegedTable,
      sources: readonly DocumentSource[],
      options: Partial<IngestOptions> = {},
    ) => ingest(log, table, { run: 'r', sources, folder, now, chunk: { maxCharacters: 64, overlap: 0 }, ...options }),
  };
}

/** What a reader sees: each current document with its text put together from its chunks. */
export async function contents(table: PrivilegedTable): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { id, current } of table.documents()) {
    if (!current) continue;
    let text = '';
    for (const span of current.spans) text += (await table.piece(current, span)).content;
    found.push([id, text]);
  }
  return Object.fromEntries(found.sort());
}

export async function fresh(): Promise<{ log: MemoryLog; table: PrivilegedTable }> {
  const log = memoryLog([
    { name: 'privileged', partitions: 2, compact: true },
    { name: 'notes', partitions: 2, compact: true },
  ]);
  return { log, table: await privilegedTable(log) };
}
