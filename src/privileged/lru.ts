/** Texts by key, the least recently used dropped once all together are longer than `maxCharacters`. */
export interface TextCache {
  get(key: string): string | undefined;
  set(key: string, text: string): void;
  delete(key: string): void;
}

export function textCache(maxCharacters: number): TextCache {
  const texts = new Map<string, string>();
  let characters = 0;
  const remove = (key: string): void => {
    characters -= texts.get(key)?.length ?? 0;
    texts.delete(key);
  };
  return {
    get(key) {
      const text = texts.get(key);
      if (text !== undefined) {
        texts.delete(key);
        texts.set(key, text);
      }
      return text;
    },
    set(key, text) {
      remove(key);
      if (text.length > maxCharacters) return;
      texts.set(key, text);
      characters += text.length;
      for (const oldest of texts.keys()) {
        if (characters <= maxCharacters) break;
        remove(oldest);
      }
    },
    delete: remove,
  };
}
