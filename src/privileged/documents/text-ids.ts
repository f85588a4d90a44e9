import { createHash } from 'node:crypto';

type Typed = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;

/** A list of numbers outside of V8's heap; it doubles where it is full. */
export interface NumberList {
  readonly length: number;
  /** @throws {RangeError} past the end */
  at(index: number): number;
  set(index: number, value: number): void;
  /** @returns the index of the value */
  push(value: number): number;
}

export function numberList(Kind: new (length: number) => Typed): NumberList {
  let values = new Kind(64);
  let length = 0;
  const inside = (index: number): number => {
    if (index >= 0 && index < length) return index;
    throw new RangeError(`index ${index} of a list of ${length}`);
  };
  return {
    get length() {
      return length;
    },
    at: (index) => values[inside(index)] ?? 0,
    set(index, value) {
      values[inside(index)] = value;
    },
    push(value) {
      if (length === values.length) {
        const larger = new Kind(2 * length);
        larger.set(values);
        values = larger;
      }
      values[length] = value;
      return length++;
    },
  };
}

/**
 * Numbers texts from 0 on, without keeping them: 64 bits of a hash stand for each, about 16 bytes. Two texts of ten million share a
 * number with a chance of a millionth, so what is kept under a number is compared with the text that it is asked for.
 */
export interface TextNumbers {
  readonly size: number;
  /** The text's number, or undefined where it has none. */
  find(text: string): number | undefined;
  /** The text's number; a new one is the next. */
  add(text: string): number;
  /** Whether a text that `other` has under a number has one here. */
  shares(other: TextNumbers, number: number): boolean;
  /** The hash of a number, in two halves. */
  hashOf(number: number): readonly [number, number];
}

export function textNumbers(): TextNumbers {
  const high = numberList(Uint32Array);
  const low = numberList(Uint32Array);
  // Open addressing: a slot has a number plus one, or 0; at most half of them are taken.
  let slots = new Int32Array(128);
  const slotOf = (h: number, l: number): number => {
    for (let slot = l & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0 || (low.at(number) === l && high.at(number) === h)) return slot;
    }
  };
  const found = (h: number, l: number): number | undefined => {
    const number = (slots[slotOf(h, l)] ?? 0) - 1;
    return number < 0 ? undefined : number;
  };
  const hash = (text: string): readonly [number, number] => {
    const bytes = createHash('sha256').update(text).digest();
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  };
  return {
    get size() {
      return low.length;
    },
    find: (text) => found(...hash(text)),
    add(text) {
      const [h, l] = hash(text);
      const known = found(h, l);
      if (known !== undefined) return known;
      if (2 * (low.length + 1) > slots.length) {
        slots = new Int32Array(2 * slots.length);
        for (let number = 0; number < low.length; number++) slots[slotOf(high.at(number), low.at(number))] = number + 1;
      }
      high.push(h);
      const number = low.push(l);
      slots[slotOf(h, l)] = number + 1;
      return number;
    },
    shares: (other, number) => found(...other.hashOf(number)) !== undefined,
    hashOf: (number) => [high.at(number), low.at(number)],
  };
}
