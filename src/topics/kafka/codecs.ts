import { compress, uncompress } from 'snappy';
import { compressionCodecs } from './internals.js';
import { COMPRESSION } from './settings.js';

// Kafka's snappy is a stream of blocks: a magic number, two version numbers, then length and block, length and block.
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const BLOCK = 32 * 1024;

export async function compressSnappy(data: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [HEADER];
  for (let at = 0; at < data.byteLength; at += BLOCK) {
    const block = Buffer.from(await compress(data.subarray(at, at + BLOCK)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.byteLength);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

export async function uncompressSnappy(data: Buffer): Promise<Buffer> {
  if (!data.subarray(0, MAGIC.byteLength).equals(MAGIC)) return Buffer.from(await uncompress(data));
  const parts: Buffer[] = [];
  for (let at = HEADER.byteLength; at < data.byteLength; ) {
    const length = data.readInt32BE(at);
    parts.push(Buffer.from(await uncompress(data.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return Buffer.concat(parts);
}

compressionCodecs[COMPRESSION.snappy] = () => ({
  compress: (encoder: { buffer: Buffer }) => compressSnappy(encoder.buffer),
  decompress: uncompressSnappy,
});
