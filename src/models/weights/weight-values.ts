import { UserError } from '../../support/errors.js';
import { readValues, type TensorPlace } from '../safetensors.js';

/** Values read at a time: 4 MiB of float32. */
const PART = 1 << 20;

/**
 * Looks for a NaN or an infinity in a tensor, a part at a time.
 * @throws {UserError} `bad-weights`, naming file, tensor, index and value of the first
 */
export function checkFinite(place: TensorPlace): void {
  for (const { from, values } of parts(place)) {
    const found = firstBroken(values);
    if (found < 0) continue;
    throw new UserError(
      'bad-weights',
      `${place.file}: tensor ${place.name}: value ${from + found} is ${values[found]}, expected a finite number; ` +
        'the model is damaged or overflowed when it was made',
    );
  }
}

/** A loop without a call per value: a model has billions. */
function firstBroken(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** Whether two models contain the same numbers, whatever their type and the files they are in. */
export function equalTensors(one: readonly TensorPlace[], two: readonly TensorPlace[]): boolean {
  const others = new Map(two.map((place) => [place.name, place]));
  // A model may leave out a head that is tied to its embedding.
  return one.every((place) => {
    const other = others.get(place.name);
    return other === undefined || equal(place, other);
  });
}

function equal(one: TensorPlace, two: TensorPlace): boolean {
  if (sizeOf(one) !== sizeOf(two)) return false;
  for (const { from, values } of parts(one)) {
    const others = readValues(two, from, values.length);
    if (!bytesOf(values).equals(bytesOf(others))) return false;
  }
  return true;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

const sizeOf = ({ shape }: TensorPlace): number => shape.reduce((product, length) => product * length, 1);

function* parts(place: TensorPlace): Generator<{ readonly from: number; readonly values: Float32Array }> {
  const size = sizeOf(place);
  for (let from = 0; from < size; from += PART)
    yield { from, values: readValues(place, from, Math.min(PART, size - from)) };
}
