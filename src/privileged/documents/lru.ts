/** A cache with a weight limit: the least recently used values are dropped first. */
export interface Lru<K, V> {
  get(key: K): V | undefined;
  /** Stores a value with its current weight. A value heavier than the limit is not stored. */
  set(key: K, value: V): void;
  delete(key: K): void;
}

export function lru<K, V>(limit: number, weightOf: (key: K, value: V) => number): Lru<K, V> {
  const entries = new Map<K, { readonly value: V; readonly weight: number }>();
  let total = 0;
  // One long-lived iterator: a new one would step over every slot deleted since the map was last rehashed.
  let oldest = entries.keys();
  const remove = (key: K): void => {
    const entry = entries.get(key);
    if (!entry) return;
    total -= entry.weight;
    entries.delete(key);
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry) {
        entries.delete(key);
        entries.set(key, entry);
      }
      return entry?.value;
    },
    set(key, value) {
      remove(key);
      const weight = weightOf(key, value);
      if (weight > limit) return;
      while (total + weight > limit) {
        const { value: first, done } = oldest.next();
        if (done) oldest = entries.keys();
        else remove(first);
      }
      entries.set(key, { value, weight });
      total += weight;
    },
    delete: remove,
  };
}
