import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DocumentState, deletion } from '../../../src/privileged/documents/document.js';
import { forget } from '../../../src/privileged/documents/forget.js';
import { type PrivilegedTable, privilegedTable } from '../../../src/privileged/documents/table.js';
import { privilegedAppend } from '../../../src/privileged/records.js';
import type { Privileged } from '../../../src/records/records.js';
import { digest } from '../../../src/support/digest.js';
import { memoryLog } from '../memory-log.js';

const ids = ['a', 'b', 'trace:i', 'trace:j'];
const itemOf = (id: string) => /:(.*)$/.exec(id)?.[1] ?? null;

/** A version of a document in chunks of two characters. */
function chunksOf(id: string, text: string, time: number): Privileged[] {
  const itemId = itemOf(id);
  const kind = itemId === null ? ('document' as const) : ('trace' as const);
  const common = { run: 'r', documentId: id, itemId, kind, version: digest(text), title: '', label: null, source: id };
  return (text.match(/..?/g) ?? []).map((content, k) => ({
    ...common,
    content,
    start: 2 * k,
    end: 2 * k + content.length,
    time,
  }));
}

const plain = ({ id, current, versions, forgotten, updatedAt }: DocumentState) => ({
  id,
  current: current?.version ?? null,
  versions: versions
    .map(({ spans, ...version }) => ({ ...version, spans: [...spans] }))
    .sort((a, b) => (a.version < b.version ? -1 : 1)),
  forgotten: [...forgotten],
  updatedAt,
});

async function seen(table: PrivilegedTable) {
  const documents = [];
  for await (const state of table.documents()) documents.push(plain(state));
  documents.sort((a, b) => (a.id < b.id ? -1 : 1));
  const items = await Promise.all(
    ['i', 'j'].map(async (item) => (await table.ofItem(item)).map(({ version }) => version)),
  );
  const orders = await Promise.all(
    ids.map(async (id) => {
      const order = table.neighbours(id);
      return order && [order.position, order.length, (await order.current(order.position))?.id];
    }),
  );
  return { documents, items, orders };
}

it('gives the same answers whatever its cache sizes, and however often it caught up', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('write' as const),
      id: fc.constantFrom(...ids),
      text: fc.stringMatching(/^[xy]{1,6}$/),
    }),
    fc.record({ do: fc.constantFrom('delete', 'forget', 'look', 'compact'), id: fc.constantFrom(...ids) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const log = memoryLog([{ name: 'privileged', partitions: 1, compact: true }]);
      const [whole, small] = [
        await privilegedTable(log),
        await privilegedTable(log, { cacheRecords: 3, cacheCharacters: 0 }),
      ];
      const changes = [whole.changes(), small.changes()];
      let time = 0;
      for (const { do: what, id, ...rest } of steps) {
        time += 10;
        const state = await whole.document(id);
        if (what === 'write' && 'text' in rest)
          await log.append(chunksOf(id, rest.text, time).map((record) => privilegedAppend(record)));
        else if (what === 'delete' && state) await log.append([privilegedAppend(deletion('r', state, time))]);
        else if (what === 'forget' && state) await forget(log, whole, id, { run: 'r', now: () => time });
        else if (what === 'look') await small.catchUp();
        else if (what === 'compact') log.compact('privileged');
        await whole.catchUp();
      }
      await small.catchUp();
      const expected = await seen(whole);
      // Where records were compacted away before they were read, the order of the first ones is gone with them.
      const compacted = steps.some((one) => one.do === 'compact');
      for (const other of [small, await privilegedTable(log, { cacheRecords: 0 })]) {
        const { orders, ...rest } = await seen(other);
        expect(rest).toEqual({ documents: expected.documents, items: expected.items });
        if (!compacted) expect(orders).toEqual(expected.orders);
      }
      const current = expected.documents.filter((one) => one.current !== null && itemOf(one.id) === null);
      for (const changed of await Promise.all(changes.map((feed) => feed())))
        for (const { id } of current) expect(changed).toContain(id);
      for (const { id } of expected.documents) {
        const current = (await small.document(id))?.current;
        let text = '';
        for (const span of current?.spans ?? []) text += (await small.piece(current as never, span)).content;
        if (current) expect(digest(text)).toBe(current.version);
      }
    }),
    { numRuns: 150 },
  );
});
