/**
 * TensorBoard's event files: TFRecords of `tensorflow.Event` messages. Both formats are small and frozen, so they are
 * written here.
 */

/** A scalar at a step. */
export interface ScalarEvent {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly step: number;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

/** An event file: its version first, as readers expect, then the events. */
export function eventFile(events: readonly ScalarEvent[]): Buffer {
  const [first] = events;
  const version = [double(1, first?.time ?? 0), text(3, 'brain.Event:2')];
  return Buffer.concat([
    record(Buffer.concat(version)),
    ...events.map(({ time, step, scalars }) => {
      const values = scalars.map(([tag, value]) => bytes(1, Buffer.concat([text(1, tag), float(2, value)])));
      return record(Buffer.concat([double(1, time), integer(2, step), bytes(5, Buffer.concat(values))]));
    }),
  ]);
}

/** A TFRecord: length, its checksum, data, its checksum. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.byteLength));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

function checksum(data: Buffer): Buffer {
  const crc = crc32c(data);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Wire types of Protocol Buffers. */
const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

const key = (field: number, type: number): Buffer => varint((field << 3) | type);

/** @param value a whole number from 0 */
function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) out.push((left % 128) | 128);
  return Buffer.from([...out, left]);
}

const integer = (field: number, value: number): Buffer => Buffer.concat([key(field, VARINT), varint(value)]);

function double(field: number, value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return Buffer.concat([key(field, FIXED64), out]);
}

function float(field: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return Buffer.concat([key(field, FIXED32), out]);
}

const bytes = (field: number, data: Buffer): Buffer =>
  Buffer.concat([key(field, LENGTH), varint(data.byteLength), data]);

const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));
