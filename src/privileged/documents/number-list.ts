import { required } from '../../support/required.js';

type Typed = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;

/** A growing list of numbers in a typed array, outside V8's heap. Its capacity doubles when it is full. */
export interface NumberList {
  readonly length: number;
  /** @throws {RangeError} past the end */
  at(index: number): number;
  /** @throws {RangeError} past the end */
  set(index: number, value: number): void;
  /** @returns the index of the value */
  push(value: number): number;
}

export function numberList(Kind: new (length: number) => Typed): NumberList {
  let values = new Kind(64);
  let length = 0;
  const check = (index: number): number => {
    if (index >= 0 && index < length) return index;
    throw new RangeError(`index ${index}: expected 0 to ${length - 1}`);
  };
  return {
    get length() {
      return length;
    },
    at: (index) => required(values[check(index)], `value ${index}`),
    set(index, value) {
      values[check(index)] = value;
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
