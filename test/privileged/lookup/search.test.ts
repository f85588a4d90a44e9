import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { privilegedTable } from '../../../src/privileged/documents/table.js';
import { hiddenFromSearch, type JoinOptions, privilegedStore } from '../../../src/privileged/lookup/lookup.js';
import { searchIndex } from '../../../src/privileged/lookup/search.js';
import { itemRecord, privilegedAppend } from '../../../src/privileged/records.js';
import { digest } from '../../../src/support/digest.js';
import { memoryLog } from '../memory-log.js';

let clock = 0;
const document = (id: string, chunks: readonly string[], label: string | null = null) => {
  let start = 0;
  const version = digest(chunks.join(''));
  const time = ++clock;
  return chunks.map((content) => {
    const end = start + content.length;
    const common = { run: 'r', documentId: id, itemId: null, kind: 'document', title: id, label, source: id } as const;
    const append = privilegedAppend({ ...common, version, content, start, end, time });
    start = end;
    return append;
  });
};
const options: JoinOptions = { joins: [{ search: 2 }], labels: [], shown: 'own', seed: 3 };
const corpus = () => [
  ...document('pumps', ['How to prime a pump. ', 'Cavitation damages the impeller.']),
  ...document('valves', ['A gate valve is open or shut. ', 'A globe valve regulates flow.']),
  ...document('salaries', ['The pump engineer earns 7.'], 'hr'),
];

async function storeOf(more: Partial<JoinOptions> = {}) {
  const log = memoryLog();
  await log.append(corpus());
  const table = await privilegedTable(log);
  return { log, table, store: await privilegedStore(table, { ...options, ...more }) };
}

describe('a store joined by search', () => {
  it('finds the best passages, with their version and span', async () => {
    const { store } = await storeOf();
    const { pieces } = await store.lookup('any', 'Why did cavitation damage my impeller?');
    expect(pieces[0]).toMatchObject({
      id: 'pumps',
      start: 21,
      end: 53,
      kind: 'document',
      content: 'Cavitation damages the impeller.',
    });
    await expect(store.lookup('any', 'zebra')).rejects.toMatchObject({
      code: 'no-context',
      message: expect.stringMatching(/shares a word/),
    });
  });

  it('ranks by the rare words of a question, whatever frequent ones surround them', async () => {
    const log = memoryLog();
    const many = Array.from({ length: 600 }, (_, k) =>
      document(`d${k}`, [`the of a ${k % 2 ? 'pump' : 'valve'} text${k}`]),
    );
    await log.append(many.flat());
    const index = await searchIndex(await privilegedTable(log));
    const found = await index.search('the of a pump the of a text41', 1, () => true);
    expect(found.map(({ document }) => document.id)).toEqual(['d41']);
    expect(await index.search('the', 3, () => true)).toHaveLength(3);
  });

  it('never finds documents with a label that is not allowed, and counts them', async () => {
    const joins = [{ search: 10 }];
    const { table, store } = await storeOf({ joins });
    const { pieces } = await store.lookup('any', 'pump engineer earns');
    expect(pieces.map(({ id }) => id)).not.toContain('salaries');
    expect([...(await hiddenFromSearch(table, { joins, labels: [] }))]).toEqual([['hr', 1]]);
    const hr = (await storeOf({ joins: [{ search: 10 }], labels: ['hr'] })).store;
    expect((await hr.lookup('any', 'pump engineer earns')).pieces[0]?.id).toBe('salaries');
    expect((await hiddenFromSearch(table, { joins, labels: ['hr'] })).size).toBe(0);
    expect((await hiddenFromSearch(table, { joins: ['trace'], labels: [] })).size).toBe(0);
  });

  it('follows changes and deletions', async () => {
    const { log, table, store } = await storeOf();
    await store.lookup('any', 'pump');
    await log.append(document('pumps', ['Diaphragm pumps pulse.']));
    await table.catchUp();
    expect((await store.lookup('any', 'diaphragm')).pieces[0]?.content).toBe('Diaphragm pumps pulse.');
    await expect(store.lookup('any', 'cavitation')).rejects.toMatchObject({ code: 'no-context' });
  });

  it('combines joins in order, within the budget, with each passage once', async () => {
    const log = memoryLog();
    await log.append([
      ...corpus(),
      privilegedAppend(
        itemRecord({ run: 'r', itemId: 'i', kind: 'trace', content: 'solved so', source: 't', time: 1 }),
      ),
    ]);
    const joins: JoinOptions['joins'] = [{ documents: ['valves'] }, 'trace', { search: 3 }];
    const table = await privilegedTable(log);
    const all = await (await privilegedStore(table, { ...options, joins })).lookup('i', 'valve pump');
    expect(all.pieces.map(({ id, start }) => [id, start])).toEqual([
      ['valves', 0],
      ['valves', 30],
      ['trace:i', 0],
      ['pumps', 0],
    ]);
    const budget = { tokens: 65, countTokens: (text: string) => text.length };
    const cut = await (await privilegedStore(table, { ...options, joins, budget })).lookup('i', 'valve pump');
    expect(cut.pieces.map(({ content, truncated }) => [content.length, truncated])).toEqual([
      [30, false],
      [29, false],
      [6, true],
      [0, true],
    ]);
    expect(await (await privilegedStore(table, { ...options, joins })).lookup('other', 'valve', cut.pieces)).toEqual(
      cut,
    );
  });

  it('refuses a document named by id that is missing or not allowed, before the first prompt', async () => {
    const { table } = await storeOf();
    await expect(privilegedStore(table, { ...options, joins: [{ documents: ['none'] }] })).rejects.toThrow(
      /document none: not in the privileged topic/,
    );
    await expect(privilegedStore(table, { ...options, joins: [{ documents: ['salaries'] }] })).rejects.toThrow(
      /salaries: found label hr/,
    );
  });

  it('shuffled: shows as many passages of other documents, chosen by the seed', async () => {
    const truth = await (await storeOf({ joins: [{ search: 1 }] })).store.lookup('i', 'cavitation');
    const { store } = await storeOf({ joins: [{ search: 1 }], shown: 'shuffled' });
    const { pieces } = await store.lookup('i', 'cavitation');
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.id).toBe('valves');
    expect(truth.pieces[0]?.id).toBe('pumps');
    expect((await store.lookup('i', 'cavitation')).pieces).toEqual(pieces);
  });
});

describe('searchIndex', () => {
  it('finds the same as a new index after any sequence of changes', async () => {
    const word = fc.constantFrom('pump', 'valve', 'flow', 'heat', 'seal', 'pipe', 'a');
    const text = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => `${words.join(' ')} `);
    const change = fc.record({
      id: fc.constantFrom('d1', 'd2', 'd3'),
      chunks: fc.array(text, { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), text, async (changes, question) => {
        const log = memoryLog();
        const table = await privilegedTable(log);
        const index = await searchIndex(table);
        for (const { id, chunks } of changes) {
          await log.append(document(id, chunks));
          await table.catchUp();
          await index.refresh();
        }
        const anew = await searchIndex(await privilegedTable(log));
        const found = async (from: typeof index) => {
          const passages = await from.search(question, 5, () => true);
          return passages.map(({ document, span }) => [document.id, document.version, span.start]);
        };
        expect(await found(index)).toEqual(await found(anew));
        expect(index.passages().length).toBe(anew.passages().length);
      }),
      { numRuns: 100 },
    );
  });
});
