import { describe, expect, it } from 'vitest';
import { documentsOf, findDocument, openTableState, readToEnd } from '../../../src/privileged/documents/table-state.js';
import { itemRecord, privilegedAppend } from '../../../src/privileged/records.js';
import { memoryLog } from '../memory-log.js';

const trace = (itemId: string, content: string, time: number) =>
  privilegedAppend(itemRecord({ run: 'r', itemId, kind: 'trace', content, source: 's', time }));

async function stateWith(cacheRecords: number) {
  const log = memoryLog([{ name: 'privileged', partitions: 1, compact: true }]);
  await log.append([trace('a', 'one', 1), trace('b', 'two', 2), trace('a', 'three', 3)]);
  const state = await openTableState(log, 'privileged', { cacheCharacters: 100, cacheRecords });
  return { log, state };
}

describe('the state of a table', () => {
  it('is empty until it has read the topic, and then continues where it stopped', async () => {
    const { log, state } = await stateWith(100);
    expect(await findDocument(state, 'trace:a')).toBeUndefined();
    await readToEnd(state);
    expect(state.next).toEqual([3n]);
    expect((await findDocument(state, 'trace:a'))?.versions).toHaveLength(2);
    await log.append([trace('c', 'four', 4)]);
    await readToEnd(state);
    expect(state.next).toEqual([4n]);
    expect((await findDocument(state, 'trace:c'))?.current?.time).toBe(4);
  });

  it('rebuilds a document that is not cached', async () => {
    const { state } = await stateWith(0);
    await readToEnd(state);
    const row = state.index.ids.find('trace:a');
    expect(row).toBe(0);
    expect(state.folds.get(0)).toBeUndefined();
    const [document] = await documentsOf(state, 0);
    expect(document?.versions.map(({ time }) => time)).toEqual([1, 3]);
  });

  it('requires the topic', async () => {
    await expect(openTableState(memoryLog(), 'nowhere', { cacheCharacters: 1, cacheRecords: 1 })).rejects.toMatchObject(
      { code: 'no-topic', message: expect.stringContaining('topic nowhere: does not exist') },
    );
  });
});
