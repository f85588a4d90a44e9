import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import type { Append, TopicLog } from '../../topics/log.js';
import { privilegedAppend, privilegedKey, privilegedTopic } from '../records.js';
import { deletion } from './document.js';
import type { PrivilegedTable } from './table.js';

/** What remains of a forgotten document: its id and hashes, so that old records can still be explained. */
export interface Forgotten {
  readonly id: string;
  /** Content hashes of every version whose text was removed, now or earlier. */
  readonly versions: readonly string[];
  /** Text records removed by this call. */
  readonly removed: number;
}

/**
 * Removes the text of every version of a document from the topic and the table, in one transaction. Its id and hashes
 * remain: scores that used it still name it, a replay that needs it reports `context-gone`, and an ingest does not read
 * it again.
 * @throws {UserError} `no-document` when the topic never contained it.
 */
export async function forget(
  log: TopicLog,
  table: PrivilegedTable,
  id: string,
  { run, now, topic = privilegedTopic }: { readonly run: string; readonly now: () => number; readonly topic?: string },
): Promise<Forgotten> {
  await table.catchUp();
  const state = await table.document(id);
  if (!state || state.versions.length + state.forgotten.length === 0)
    throw new UserError(
      'no-document',
      `document ${id}: not in topic ${topic}; expected the id of a document that was ingested`,
    );
  const time = Math.max(now(), state.updatedAt + 1);
  const end = { ...deletion(run, state, time), source: '' };
  const chunks: Append[] = state.versions.flatMap(({ version, spans }) =>
    spans.map(({ start }) => ({ topic, key: privilegedKey(id, version, start), value: null })),
  );
  const audit = state.versions.map(({ version }) => ({
    ...privilegedAppend({ ...end, version }, topic),
    key: privilegedKey(id, version),
  }));
  await log.append([...chunks, ...audit, privilegedAppend(end, topic)]);
  await table.catchUp();
  const { forgotten } = required(await table.document(id), `document ${id}`);
  return { id, versions: [...forgotten], removed: chunks.length };
}
