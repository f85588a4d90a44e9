import { seedOf } from '../../support/digest.js';
import type { DocumentVersion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import type { Passage } from './search.js';

/**
 * Another item with different texts, for the control arm that shows another prompt's context. It is drawn from the
 * earlier items of the same partition; the first item gets the next one. So the choice does not depend on how much of
 * the topic has been read.
 * @param own the item's documents; the first one decides its position
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
  const differentAt = async (at: number): Promise<string | undefined> => {
    const document = await order.current(at);
    const same = !document?.itemId || document.itemId === itemId || versions.has(document.version);
    return same ? undefined : (document.itemId ?? undefined);
  };
  const start = position === 0 ? 0 : Number(seedOf(seed, 'shuffled', itemId) % BigInt(position));
  for (let k = 0; k < position; k++) {
    const found = await differentAt((start + k) % position);
    if (found !== undefined) return found;
  }
  for (let k = position + 1; k < length; k++) {
    const found = await differentAt(k);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As many passages as were found, from other documents, drawn by seed and item; fewer when there are not enough. */
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
