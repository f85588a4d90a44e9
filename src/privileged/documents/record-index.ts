import { numberList, type TextNumbers, textNumbers } from './text-ids.js';

/** Where a record is in its topic. */
export interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

/** What is kept of each document, outside of V8's heap: where its records are, not what they say. Documents are rows, numbered from 0 on. */
export interface DocumentPlaces {
  readonly ids: TextNumbers;
  /** Adds a record to its document's. @returns the document's row */
  add(id: string, place: Place): number;
  /** How many records a row has. */
  count(row: number): number;
  /** A row's records in the order in which they came; those that come while it is walked through are in it. */
  of(row: number): Iterable<Place>;
  mark(row: number, mark: Mark): void;
  has(row: number, mark: Mark): boolean;
  /** Says that a row belongs to an item, with others of a kind in the order in which they came. */
  link(row: number, itemId: string, order: string): void;
  /** Rows that ever belonged to an item. */
  ofItem(itemId: string): readonly number[];
  /** The rows that were linked in the same order as this one, and where it stands among them; undefined where it was not linked. */
  orderOf(
    row: number,
  ): { readonly position: number; readonly length: number; row(position: number): number } | undefined;
}

/** A document can be found by search; an ingest wrote it. */
export type Mark = 'searched' | 'ingested';
const bits: Readonly<Record<Mark, number>> = { searched: 1, ingested: 2 };

const NONE = -1;

export function documentPlaces(): DocumentPlaces {
  const ids = textNumbers();
  const items = textNumbers();
  // By row.
  const [first, last, count, itemOf, position] = [int32(), int32(), int32(), int32(), int32()];
  const orderNumber = int32();
  const marks = numberList(Uint8Array);
  // By record: a list of each row.
  const partitions = numberList(Uint16Array);
  const offsets = numberList(Float64Array);
  const next = int32();
  // By item, and by link of a row to an item.
  const head = int32();
  const [linkedRow, nextLink] = [int32(), int32()];
  const orderNames = new Map<string, number>();
  const orders: ReturnType<typeof int32>[] = [];

  const enter = (row: number, name: string): void => {
    if (orderNumber.at(row) !== NONE) return;
    const number = orderNames.get(name) ?? orders.push(int32()) - 1;
    orderNames.set(name, number);
    orderNumber.set(row, number);
    position.set(row, orders[number]?.push(row) ?? NONE);
  };

  return {
    ids,
    add(id, place) {
      const row = ids.add(id);
      const record = offsets.push(Number(place.offset));
      partitions.push(place.partition);
      next.push(NONE);
      if (row === first.length) {
        first.push(record);
        last.push(record);
        count.push(1);
        marks.push(0);
        for (const list of [itemOf, position, orderNumber]) list.push(NONE);
      } else {
        next.set(last.at(row), record);
        last.set(row, record);
        count.set(row, count.at(row) + 1);
      }
      return row;
    },
    count: (row) => count.at(row),
    *of(row) {
      for (let record = first.at(row); record !== NONE; record = next.at(record))
        yield { partition: partitions.at(record), offset: BigInt(offsets.at(record)) };
    },
    mark: (row, mark) => marks.set(row, marks.at(row) | bits[mark]),
    has: (row, mark) => (marks.at(row) & bits[mark]) !== 0,
    link(row, itemId, order) {
      const item = items.add(itemId);
      if (item === head.length) head.push(NONE);
      if (itemOf.at(row) === item) return;
      itemOf.set(row, item);
      nextLink.push(head.at(item));
      head.set(item, linkedRow.push(row));
      enter(row, order);
    },
    ofItem(itemId) {
      const item = items.find(itemId);
      const rows = new Set<number>();
      for (let link = item === undefined ? NONE : head.at(item); link !== NONE; link = nextLink.at(link))
        rows.add(linkedRow.at(link));
      return [...rows];
    },
    orderOf(row) {
      const rows = orders[orderNumber.at(row)];
      return rows && { position: position.at(row), length: rows.length, row: (at) => rows.at(at) };
    },
  };
}

const int32 = () => numberList(Int32Array);
