import { seedOf } from '../../support/digest.js';
import type { DocumentVersion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import type { Passage } from './search.js';

/**
 * Another item whose text differs, for the control arm with another prompt's context. It is drawn from the items that came before this
 * one in the same partition, and for the first is the next one: what has been read since then does not change the choice.
 * @param own The item's documents; the first one decides its place.
 */
export async function anotherItem(
  table: PrivilegedTable,
  own: readonly DocumentVersion[],
  itemId: string,
  seed: number | bigint,
): Promise<string | undefined> {
  const order = own[0] && table.neighbours(own[0].id);
  if (!order) return undefined;
  const { position, length } = order;
  const versions = new Set(own.map((document) => document.version));
  const usable = async (at: number): Promise<string | undefined> => {
    const document = await order.current(at);
    const same = !document?.itemId || document.itemId === itemId || versions.has(document.version);
    return same ? undefined : (document.itemId ?? undefined);
  };
  const start = position === 0 ? 0 : Number(seedOf(seed, 'shuffled', itemId) % BigInt(position));
  for (let k = 0; k < position; k++) {
    const found = await usable((start + k) % position);
    if (found !== undefined) return found;
  }
  for (let k = position + 1; k < length; k++) {
    const found = await usable(k);
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
