import { seedOf } from '../digest.js';
import type { Passage } from './search.js';
import type { DocumentVersion, PrivilegedTable } from './table.js';

/**
 * Another item whose text differs, for the control arm with another prompt's context. It is drawn from the items that came before this
 * one in the same partition, and for the first is the next one: what has been read since then does not change the choice.
 * @param own The item's documents; the first one decides its place.
 */
export function anotherItem(
  table: PrivilegedTable,
  own: readonly DocumentVersion[],
  itemId: string,
  seed: number | bigint,
): string | undefined {
  const anchor = own[0];
  if (!anchor) return undefined;
  const order = table.neighbours(anchor.id);
  const position = order.indexOf(anchor.id);
  const versions = new Set(own.map((document) => document.version));
  const usable = (id: string | undefined): string | undefined => {
    const document = id === undefined ? undefined : table.document(id)?.current;
    const same = !document?.itemId || document.itemId === itemId || versions.has(document.version);
    return same ? undefined : (document.itemId ?? undefined);
  };
  const start = position === 0 ? 0 : Number(seedOf(seed, 'shuffled', itemId) % BigInt(position));
  for (let k = 0; k < position; k++) {
    const found = usable(order[(start + k) % position]);
    if (found !== undefined) return found;
  }
  for (let k = position + 1; k < order.length; k++) {
    const found = usable(order[k]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As many other passages, of documents that were not found, drawn by seed and item; fewer where there are not so many. */
export function otherPassages(
  all: readonly Passage[],
  found: readonly Passage[],
  itemId: string,
  seed: number | bigint,
): readonly Passage[] {
  const avoided = new Set(found.map(({ document }) => document.id));
  const others = all.filter(({ document }) => !avoided.has(document.id));
  const drawn = new Set<Passage>();
  for (let k = 0; drawn.size < Math.min(found.length, others.length); k++) {
    const passage = others[Number(seedOf(seed, 'shuffled', itemId, k) % BigInt(others.length))];
    if (passage) drawn.add(passage);
  }
  return [...drawn];
}
