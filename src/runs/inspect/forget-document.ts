import { requireDocument, usesOf } from '../../pipelines/running/context.js';
import { placeOf } from '../../pipelines/topic-log.js';
import { type Forgotten, forget } from '../../privileged/documents/forget.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import { forgetVectors } from '../../privileged/embedding/cache.js';
import { vectorFolder } from '../open/resources.js';
import { openRunFolder } from './run-folder.js';

/** The forgotten document, and the steps and samples that used it. */
export type ForgottenDocument = Forgotten & Awaited<ReturnType<typeof usesOf>>;

/**
 * Removes a document's text from a run that is not running: from its topics (including the verifier's copy of a
 * reference answer), from the vectors of its passages, and from the file of the embedded log, which is rewritten. On a
 * cluster the next compaction removes the records.
 * @throws {UserError} `no-document` with the nearest id, `topics-locked` while the run is running
 */
export async function forgetDocument(folder: string, id: string): Promise<ForgottenDocument> {
  const { log, manifest, plan } = await openRunFolder(folder, { readOnly: false });
  let forgotten: ForgottenDocument;
  try {
    const table = await privilegedTable(log);
    const { versions } = await requireDocument(table, id);
    const chunks = versions.flatMap(({ version, spans }) => spans.map(({ start }) => ({ id, version, start })));
    // Before the chunks are removed from the table, so that an interrupted call can be repeated.
    forgetVectors(vectorFolder(folder), chunks);
    const removed = await forget(log, table, id, { run: manifest.run, now: Date.now });
    const item = /^reference:(.*)$/s.exec(id)?.[1];
    if (item !== undefined) await log.append([{ topic: 'references', key: item, value: null }]);
    forgotten = { ...removed, ...(await usesOf(log, id)) };
  } finally {
    await log.close();
  }
  await plan.store.purge(placeOf(folder));
  return forgotten;
}
