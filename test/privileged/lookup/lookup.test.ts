import { describe, expect, it } from 'vitest';
import { privilegedTable } from '../../../src/privileged/documents/table.js';
import { type JoinOptions, privilegedStore } from '../../../src/privileged/lookup/lookup.js';
import { type ItemContext, itemRecord, privilegedAppend, privilegedKey } from '../../../src/privileged/records.js';
import { type MemoryLog, memoryLog } from '../memory-log.js';

const item = (itemId: string, kind: ItemContext['kind'], content: string, more: Partial<ItemContext> = {}) =>
  privilegedAppend(itemRecord({ run: 'r', itemId, kind, content, source: 'test', time: 1, ...more }));
const options: JoinOptions = { joins: ['reference', 'trace'], labels: [], shown: 'own', seed: 7 };
const storeOf = async (log: MemoryLog, more: Partial<JoinOptions> = {}) =>
  privilegedStore(await privilegedTable(log), { ...options, ...more });

describe('a store joined by item', () => {
  it('returns the pieces of the item in the order of the joins', async () => {
    const log = memoryLog();
    await log.append([item('a', 'trace', 'because'), item('a', 'reference', '5'), item('b', 'reference', '6')]);
    const { pieces } = await (await storeOf(log)).lookup('a', 'q');
    expect(pieces.map(({ kind, content }) => [kind, content])).toEqual([
      ['reference', '5'],
      ['trace', 'because'],
    ]);
    expect(pieces[1]).toMatchObject({ id: 'trace:a', start: 0, end: 7, truncated: false });
    const turned = await (await storeOf(log, { joins: ['trace', 'reference'] })).lookup('a', 'q');
    expect(turned.pieces.map(({ kind }) => kind)).toEqual(['trace', 'reference']);
  });

  it('sees a record written after it was opened', async () => {
    const log = memoryLog();
    const store = await storeOf(log);
    await expect(store.lookup('late', 'q')).rejects.toMatchObject({
      code: 'no-context',
      message: expect.stringMatching(/item late: .*a reference with that item id or a trace/),
    });
    await log.append([item('late', 'trace', 'now')]);
    expect((await store.lookup('late', 'q')).pieces[0]?.content).toBe('now');
  });

  it('waits for a record whose transaction is not readable yet', async () => {
    const log = memoryLog();
    const store = await storeOf(log);
    log.openTransaction([item('late', 'trace', 'now')]);
    expect((await store.lookup('late', 'q')).pieces[0]?.content).toBe('now');
  });

  it('shows the newest version, or the one that an earlier record names', async () => {
    const log = memoryLog();
    const table = await privilegedTable(log);
    const store = await privilegedStore(table, {
      ...options,
      budget: { tokens: 4, countTokens: (text) => text.length },
    });
    await log.append([item('a', 'trace', 'first', { time: 1 })]);
    const before = await store.lookup('a', 'q');
    await log.append([item('a', 'trace', 'second', { time: 2 })]);
    await table.catchUp();
    log.compact('privileged');
    expect((await store.lookup('a', 'q')).pieces[0]?.content).toBe('seco');
    const again = await store.lookup('a', 'q', before.pieces);
    expect(again).toEqual(before);
    expect(again.pieces[0]).toMatchObject({ content: 'firs', end: 4, truncated: true });
    await log.append([item('a', 'trace', 'first', { time: 3 })]);
    await table.catchUp();
    expect((await store.lookup('a', 'q')).pieces[0]?.content).toBe('firs');
  });

  it('names a version that is gone', async () => {
    const log = memoryLog();
    const table = await privilegedTable(log, { cacheCharacters: 0 });
    await log.append([item('a', 'trace', 'secret')]);
    const store = await privilegedStore(table, options);
    const { pieces } = await store.lookup('a', 'q');
    const version = pieces[0]?.version ?? '';
    await log.append([{ topic: 'privileged', key: privilegedKey('trace:a', version, 0), value: null }]);
    log.compact('privileged');
    await expect(store.lookup('a', 'q')).rejects.toMatchObject({ code: 'context-gone' });
    await expect(store.lookup('a', 'q', pieces)).rejects.toMatchObject({ code: 'context-gone' });
    await expect(store.lookup('a', 'q')).rejects.toMatchObject({ code: 'no-context' });
  });

  it('refuses a label that is not allowed', async () => {
    const log = memoryLog();
    await log.append([item('a', 'trace', 'x', { label: 'finance' })]);
    await expect((await storeOf(log)).lookup('a', 'q')).rejects.toMatchObject({
      code: 'label-refused',
      message: expect.stringMatching(/trace:a: found label finance, expected a document without a label/),
    });
    const allowed = await (await storeOf(log, { labels: ['finance'] })).lookup('a', 'q');
    expect(allowed.pieces).toHaveLength(1);
    await expect((await storeOf(log, { labels: ['sales'] })).lookup('a', 'q', allowed.pieces)).rejects.toMatchObject({
      code: 'label-refused',
    });
  });

  it('keeps only cached texts in memory, and does not read those again', async () => {
    const log = memoryLog();
    await log.append([item('a', 'trace', 'x'.repeat(100))]);
    const reads = async (cacheCharacters: number) => {
      const store = await privilegedStore(await privilegedTable(log, { cacheCharacters }), options);
      const before = log.reads();
      for (let k = 0; k < 5; k++) await store.lookup('a', 'q');
      return log.reads() - before;
    };
    // The key counts as well: it has the hash of the text.
    const size = `trace:a@${'0'.repeat(64)}#0`.length + 100;
    expect(await reads(size - 1)).toBe(5);
    expect(await reads(size)).toBe(0);
  });

  it('requires its topic to exist', async () => {
    await expect(privilegedTable(memoryLog([]))).rejects.toMatchObject({ code: 'no-topic' });
  });
});

describe('the control arms', () => {
  const names = Array.from({ length: 40 }, (_, k) => `item${k}`);

  it('none: shows no context', async () => {
    expect(await (await storeOf(memoryLog(), { shown: 'none' })).lookup('a', 'q')).toEqual({ pieces: [] });
  });

  it('shuffled: shows another item, chosen by the seed and not by how much has been read', async () => {
    const log = memoryLog();
    const store = await storeOf(log, { shown: 'shuffled', joins: ['trace'] });
    const chosen: string[] = [];
    await log.append([item('item0', 'trace', 't0'), item('item1', 'trace', 't1'), item('item2', 'trace', 't2')]);
    for (const [k, name] of names.entries()) {
      await log.append([item(`${name}`, 'trace', `t${k}`)]);
      if (k >= 10) chosen.push((await store.lookup(name, 'q')).pieces[0]?.content ?? '');
    }
    for (const [k, content] of chosen.entries()) expect(content).not.toBe(`t${k + 10}`);
    const later = await storeOf(log, { shown: 'shuffled', joins: ['trace'] });
    const again = await Promise.all(
      names.slice(10).map(async (name) => (await later.lookup(name, 'q')).pieces[0]?.content),
    );
    expect(again).toEqual(chosen);
    expect(new Set(chosen).size).toBeGreaterThan(10);
    const other = await storeOf(log, { shown: 'shuffled', joins: ['trace'], seed: 8 });
    const otherChoice = await Promise.all(
      names.slice(10).map(async (name) => (await other.lookup(name, 'q')).pieces[0]?.content),
    );
    expect(otherChoice).not.toEqual(chosen);
  });

  it('shuffled: skips items with the same text, and fails when there is no other', async () => {
    const log = memoryLog([{ name: 'privileged', partitions: 1, compact: true }]);
    await log.append([item('a', 'reference', '5'), item('b', 'reference', '5')]);
    const store = await storeOf(log, { shown: 'shuffled' });
    await expect(store.lookup('b', 'q')).rejects.toMatchObject({
      code: 'no-context',
      message: expect.stringMatching(/no other item's context/),
    });
    await log.append([item('c', 'reference', '6')]);
    expect((await store.lookup('a', 'q')).pieces[0]?.content).toBe('6');
  });
});
