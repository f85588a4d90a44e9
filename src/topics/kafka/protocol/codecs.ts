import { promisify } from 'node:util';
import { gzip, unzip } from 'node:zlib';
import { decompress as uncompressZstd } from 'fzstd';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { compress, uncompress } from 'snappy';
import { UserError } from '../../../support/errors.js';
import { compressionCodecs } from '../client/internals.js';
import { COMPRESSION } from '../settings.js';

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

/** Node has zstd of its own only since 22.15. */
async function compressZstd(data: Buffer): Promise<Buffer> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  return Buffer.from((await Zstd.load()).compress(data));
}

/** A codec whose errors name it; kafkajs only reports that a batch could not be read. */
function codec(
  name: string,
  decompress: (data: Buffer) => Promise<Uint8Array>,
  compress: (data: Buffer) => Promise<Buffer>,
) {
  return () => ({
    compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
    async decompress(data: Buffer): Promise<Buffer> {
      const plain = await decompress(data).catch((error) => {
        throw new UserError(
          'bad-batch',
          `a batch of ${data.byteLength} bytes cannot be read as ${name}: ${error.message}`,
        );
      });
      return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
    },
  });
}

compressionCodecs[COMPRESSION.gzip] = codec('gzip', promisify(unzip), promisify(gzip));
compressionCodecs[COMPRESSION.snappy] = codec('snappy', uncompressSnappy, compressSnappy);
compressionCodecs[COMPRESSION.lz4] = codec('lz4', decompressFrame, (data) => compressFrame(data));
compressionCodecs[COMPRESSION.zstd] = codec('zstd', async (data) => uncompressZstd(data), compressZstd);
