import type { Reference } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { at, required } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { recordIn } from '../../topics/record-codec.js';

/** Looks references up by item, following the compacted topic. */
export function referenceTable(log: TopicLog): (itemId: string) => Promise<Reference> {
  const rows = new Map<string, Reference>();
  let next: bigint[] | undefined;
  let reading: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const catchUp = async () => {
    next ??= await firstOffsets(log);
    for (const partition of next.keys())
      for (;;) {
        const records = await log.read('references', partition, at(next, partition), 1000);
        for (const record of records) {
          next[partition] = record.offset + 1n;
          const reference = recordIn('references', record);
          if (reference) rows.set(reference.itemId, reference);
          else if (record.value === null) rows.delete(record.key);
        }
        if (records.length === 0) break;
      }
  };

  // A read in progress may have begun before the reference was written, so all who miss meanwhile share the next one.
  const refresh = (): Promise<void> => {
    waiting ??= reading.then(() => {
      waiting = undefined;
      const turn = catchUp();
      reading = turn.catch(() => {});
      return turn;
    });
    return waiting;
  };

  return async (itemId) => {
    if (!rows.has(itemId)) await refresh();
    if (!rows.has(itemId)) {
      await log.settled('references');
      await refresh();
    }
    const found = rows.get(itemId);
    if (!found) throw new UserError('no-reference', `item ${itemId}: no reference in the topic references`);
    return found;
  };
}

async function firstOffsets(log: TopicLog): Promise<bigint[]> {
  const topic = (await log.describe()).find(({ name }) => name === 'references');
  return required(topic, 'topic references').bounds.map(({ start }) => start);
}
