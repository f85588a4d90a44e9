import { get } from '../../../support/required.js';

/** A member of a group as its leader sees it. `owned`: partition numbers; on conflict the higher generation wins. */
export interface Member {
  readonly id: string;
  readonly generation: number;
  readonly owned: readonly number[];
}

/**
 * Distributes partition numbers 0 to `count` - 1 evenly among the members and moves as few as possible, so that work in
 * flight continues. A number means that partition in every topic of the group, so that one member gets all records of
 * a key, whatever the topic.
 */
export function share(members: readonly Member[], count: number): Map<string, number[]> {
  const shares = new Map<string, number[]>(members.map(({ id }) => [id, []]));
  const free = new Set(Array.from({ length: count }, (_, i) => i));
  const least = Math.floor(count / members.length);
  let larger = count % members.length; // members with one extra partition
  const claims = [...members].sort(
    (a, b) => b.generation - a.generation || b.owned.length - a.owned.length || (a.id < b.id ? -1 : 1),
  );
  for (const { id, owned } of claims) {
    const own = get(shares, id);
    for (const number of owned) {
      if (!free.has(number) || own.length > least || (own.length === least && larger === 0)) continue;
      if (own.length === least) larger--;
      own.push(number);
      free.delete(number);
    }
  }
  for (const number of free) {
    const poorest = [...shares.values()].reduce((a, b) => (b.length < a.length ? b : a));
    poorest.push(number);
  }
  return shares;
}
