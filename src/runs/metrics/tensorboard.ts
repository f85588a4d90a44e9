import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Exported } from './exported.js';
import { encoderOf } from './messages.js';
import { figureName } from './read.js';

/** A file of its own for each run, so that one folder can have several. @returns the file */
export async function writeTensorboard({ manifest: { run }, rows }: Exported, folder: string): Promise<string> {
  const own = join(folder, run);
  mkdirSync(own, { recursive: true });
  const start = Math.min(...rows.map(({ time }) => time));
  const file = join(own, `events.out.tfevents.${Math.floor(start / 1000)}.${run}`);
  const events = rows.map((row) => ({
    time: row.time / 1000,
    step: row.step,
    scalars: Object.entries(row.values).map(([name, value]) => [figureName(row, name), value] as const),
  }));
  writeFileSync(file, await eventFile(events));
  return file;
}

/** Scalars at a step. */
export interface ScalarEvent {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly step: number;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

/** An event file: its version first, as readers expect, then the events. */
export async function eventFile(events: readonly ScalarEvent[]): Promise<Buffer> {
  const encode = await encoderOf('tensorboard.proto', 'Event');
  const version = encode({ wallTime: events[0]?.time ?? 0, fileVersion: 'brain.Event:2' });
  return Buffer.concat([
    record(version),
    ...events.map(({ time, step, scalars }) => {
      const value = scalars.map(([tag, simpleValue]) => ({ tag, simpleValue }));
      return record(encode({ wallTime: time, step, summary: { value } }));
    }),
  ]);
}

/** A TFRecord: length, its checksum, data, its checksum. */
function record(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.byteLength));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

function checksum(data: Uint8Array): Buffer {
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
