import { numberList } from './number-list.js';
import { type TextIds, textIds } from './text-ids.js';

/** Where a record is in its topic. */
export interface RecordLocation {
  readonly partition: number;
  readonly offset: bigint;
}

/** `searched`: the document can be found by search. `ingested`: an ingest wrote it. */
export type DocumentMark = 'searched' | 'ingested';

/** The rows of one kind and partition, in the order in which their documents first appeared. */
export interface RowOrder {
  /** Position of the row that was asked for. */
  readonly position: number;
  readonly length: number;
  row(position: number): number;
}

/**
 * Which records each document has, and to which prompt item it belongs. Texts are not stored, and nothing lives on V8's
 * heap. A document is a row; rows are numbered from 0. Two ids whose hashes collide share a row.
 */
export interface RecordIndex {
  readonly ids: TextIds;
  /** Adds a record of a document. @returns the document's row */
  add(id: string, location: RecordLocation): number;
  /** Number of records of a row. */
  count(row: number): number;
  /** A row's records in arrival order. Records added during the iteration are included. */
  recordsOf(row: number): Iterable<RecordLocation>;
  mark(row: number, mark: DocumentMark): void;
  has(row: number, mark: DocumentMark): boolean;
  /** Assigns a row to an item, and to the order named `order` (a kind and a partition). */
  link(row: number, itemId: string, order: string): void;
  /** Rows that ever belonged to an item. */
  ofItem(itemId: string): readonly number[];
  /** The order that the row is in; undefined for a row that belongs to no item. */
  orderOf(row: number): RowOrder | undefined;
}

const bits: Readonly<Record<DocumentMark, number>> = { searched: 1, ingested: 2 };

const NONE = -1;

const int32 = () => numberList(Int32Array);

export function recordIndex(): RecordIndex {
  const ids = textIds();
  const records = recordLists();
  const marks = numberList(Uint8Array);
  const items = itemLinks();
  return {
    ids,
    add(id, location) {
      const row = ids.add(id);
      records.add(row, location);
      if (row === marks.length) {
        marks.push(0);
        items.addRow();
      }
      return row;
    },
    count: records.count,
    recordsOf: records.of,
    mark: (row, mark) => marks.set(row, marks.at(row) | bits[mark]),
    has: (row, mark) => (marks.at(row) & bits[mark]) !== 0,
    link: items.link,
    ofItem: items.rowsOf,
    orderOf: items.orderOf,
  };
}

/** A linked list of record locations for each row. */
function recordLists() {
  const [first, last, count] = [int32(), int32(), int32()];
  const partitions = numberList(Uint16Array);
  const offsets = numberList(Float64Array);
  const next = int32();
  return {
    add(row: number, { partition, offset }: RecordLocation): void {
      const record = offsets.push(Number(offset));
      partitions.push(partition);
      next.push(NONE);
      if (row === first.length) {
        first.push(record);
        last.push(record);
        count.push(1);
        return;
      }
      next.set(last.at(row), record);
      last.set(row, record);
      count.set(row, count.at(row) + 1);
    },
    count: (row: number): number => count.at(row),
    *of(row: number): Generator<RecordLocation> {
      for (let record = first.at(row); record !== NONE; record = next.at(record))
        yield { partition: partitions.at(record), offset: BigInt(offsets.at(record)) };
    },
  };
}

/** The rows of each item as a linked list, and each row's position in its order. */
function itemLinks() {
  const items = textIds();
  const [itemOf, position, orderOf] = [int32(), int32(), int32()];
  const head = int32();
  const [linkedRow, nextLink] = [int32(), int32()];
  const orders = new Map<string, number>();
  const rowsByOrder: ReturnType<typeof int32>[] = [];

  const orderNamed = (name: string): readonly [number, ReturnType<typeof int32>] => {
    const known = orders.get(name);
    const existing = known === undefined ? undefined : rowsByOrder[known];
    if (known !== undefined && existing) return [known, existing];
    const rows = int32();
    const number = rowsByOrder.push(rows) - 1;
    orders.set(name, number);
    return [number, rows];
  };

  return {
    addRow(): void {
      for (const list of [itemOf, position, orderOf]) list.push(NONE);
    },
    link(row: number, itemId: string, order: string): void {
      const item = items.add(itemId);
      if (item === head.length) head.push(NONE);
      if (itemOf.at(row) === item) return;
      itemOf.set(row, item);
      nextLink.push(head.at(item));
      head.set(item, linkedRow.push(row));
      if (orderOf.at(row) !== NONE) return;
      const [number, rows] = orderNamed(order);
      orderOf.set(row, number);
      position.set(row, rows.push(row));
    },
    rowsOf(itemId: string): readonly number[] {
      const item = items.find(itemId);
      const rows = new Set<number>();
      for (let link = item === undefined ? NONE : head.at(item); link !== NONE; link = nextLink.at(link))
        rows.add(linkedRow.at(link));
      return [...rows];
    },
    orderOf(row: number): RowOrder | undefined {
      const rows = rowsByOrder[orderOf.at(row)];
      return rows && { position: position.at(row), length: rows.length, row: (at) => rows.at(at) };
    },
  };
}
