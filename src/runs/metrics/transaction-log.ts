import { crc32 } from 'node:zlib';

const BLOCK = 32_768;
/** Checksum, length and kind of a fragment; the file's own header has the same length. */
const HEADER = 7;

/** Which part of a record a fragment is. */
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** W&B's transaction log: LevelDB's log format, with CRC-32 in place of CRC-32C, after a header. */
export function transactionLog(records: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [fileHeader()];
  let at = HEADER;
  const put = (part: Uint8Array): void => {
    parts.push(part);
    at += part.byteLength;
  };
  for (const record of records) {
    let [rest, isFirst, isLast] = [record, true, false];
    while (!isLast) {
      const room = BLOCK - (at % BLOCK);
      if (room < HEADER) {
        put(new Uint8Array(room));
        continue;
      }
      // Where a block has room for a header only, the record begins with an empty fragment.
      const data = rest.subarray(0, room - HEADER);
      rest = rest.subarray(data.byteLength);
      isLast = rest.byteLength === 0;
      put(fragmentHeader(data, isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE));
      put(data);
      isFirst = false;
    }
  }
  return Buffer.concat(parts);
}

function fileHeader(): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write(':W&B');
  header.writeUInt16LE(0xbee1, 4);
  return header;
}

function fragmentHeader(data: Uint8Array, kind: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(crc32(Buffer.concat([Uint8Array.of(kind), data])));
  header.writeUInt16LE(data.byteLength, 4);
  header.writeUInt8(kind, 6);
  return header;
}
