import { UserError } from '../../support/errors.js';
import type { Append, TopicLog } from '../../topics/log.js';
import { privilegedAppend, privilegedKey, privilegedTopic } from '../records.js';
import { deletion } from '../sources/ingest.js';
import type { PrivilegedTable } from './table.js';

/** What stays of a forgotten document: enough to say later which text it was, nothing to read. */
export interface Forgotten {
  readonly id: string;
  /** Content hashes of every version whose text was removed, the ones removed before included. */
  readonly versions: readonly string[];
  /** Records of text that were removed now. */
  readonly removed: number;
}

/**
 * Removes every version of a document's text from the topic and the table, in one transaction, and leaves a record of its id and
 * hashes. Scores that used it keep naming it; a replay that needs it says `context-gone`; an ingest does not read it again.
 * @throws {UserError} `no-document` when the topic never held it.
 */
export async function forget(
  log: TopicLog,
  table: PrivilegedTable,
  id: string,
  { run, now, topic = privilegedTopic }: { readonly run: string; readonly now: () => number; readonly topic?: string },
): Promise<Forgotten> {
  await table.catchUp();
  const state = await table.document(id);
  if (!state)
    throw new UserError(
      'no-document',
      `document ${id}: not in topic ${topic}, expected the id of a document that was read`,
    );
  const time = Math.max(now(), state.updatedAt + 1);
  const end = deletion(run, state, time);
  const chunks: Append[] = state.versions.flatMap(({ version, spans }) =>
    spans.map(({ start }) => ({ topic, key: privilegedKey(id, version, start), value: null })),
  );
  const audit = state.versions.map(({ version }) => ({
    ...privilegedAppend({ ...end, version, source: '' }, topic),
    key: privilegedKey(id, version),
  }));
  await log.append([...chunks, ...audit, privilegedAppend({ ...end, source: '' }, topic)]);
  await table.catchUp();
  return { id, versions: [...((await table.document(id))?.forgotten ?? [])], removed: chunks.length };
}
