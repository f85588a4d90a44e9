import { createHash } from 'node:crypto';
import { required } from '../../support/required.js';
import { numberList } from './number-list.js';

/**
 * Assigns the numbers 0, 1, … to texts without storing the texts: each is represented by 64 bits of its hash, about 16
 * bytes in all. Among ten million texts, two collide with a probability of about one in a million, so callers compare
 * what is stored under a number with the text they asked for.
 */
export interface TextIds {
  readonly size: number;
  /** The text's number; undefined when it was never added. */
  find(text: string): number | undefined;
  /** The text's number; a new text gets the next one. */
  add(text: string): number;
  /** Whether the text that is number `id` in `other` was added here too. */
  shares(other: TextIds, id: number): boolean;
  /** The hash of text number `id`, as its high and low 32 bits. */
  hashOf(id: number): readonly [high: number, low: number];
}

export function textIds(): TextIds {
  const high = numberList(Uint32Array);
  const low = numberList(Uint32Array);
  // Open addressing: a slot is a number plus one, or 0 when free. At most half of the slots are taken.
  let slots = new Int32Array(128);
  const idIn = (slot: number): number => required(slots[slot], `slot ${slot}`) - 1;
  const slotOf = (h: number, l: number): number => {
    for (let slot = l & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const id = idIn(slot);
      if (id < 0 || (low.at(id) === l && high.at(id) === h)) return slot;
    }
  };
  const find = (h: number, l: number): number | undefined => {
    const id = idIn(slotOf(h, l));
    return id < 0 ? undefined : id;
  };
  const hash = (text: string): readonly [number, number] => {
    const bytes = createHash('sha256').update(text).digest();
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  };
  return {
    get size() {
      return low.length;
    },
    find: (text) => find(...hash(text)),
    add(text) {
      const [h, l] = hash(text);
      const known = find(h, l);
      if (known !== undefined) return known;
      if (2 * (low.length + 1) > slots.length) {
        slots = new Int32Array(2 * slots.length);
        for (let id = 0; id < low.length; id++) slots[slotOf(high.at(id), low.at(id))] = id + 1;
      }
      high.push(h);
      const id = low.push(l);
      slots[slotOf(h, l)] = id + 1;
      return id;
    },
    shares: (other, id) => find(...other.hashOf(id)) !== undefined,
    hashOf: (id) => [high.at(id), low.at(id)],
  };
}
