/** Values by key, the least recently used dropped where all together would weigh more than the limit. */
export interface Lru<K, V> {
  get(key: K): V | undefined;
  /** Takes a value with its weight at present; one that is heavier than the limit is not kept. */
  set(key: K, value: V): void;
  delete(key: K): void;
}

export function lru<K, V>(limit: number, weightOf: (key: K, value: V) => number): Lru<K, V> {
  const entries = new Map<K, { readonly value: V; readonly weight: number }>();
  let total = 0;
  // One walk for ever: a new one would pass over the places of all that were dropped since the map last moved.
  let oldest = entries.keys();
  const remove = (key: K): void => {
    total -= entries.get(key)?.weight ?? 0;
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
