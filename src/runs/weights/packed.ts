import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a folder as one value: for each its name and length as a line of JSON, then its bytes. */
export function packed(folder: string): Buffer {
  return Buffer.concat(
    readdirSync(folder).flatMap((name) => {
      const bytes = readFileSync(join(folder, name));
      return [Buffer.from(`${JSON.stringify([name, bytes.byteLength])}\n`), bytes];
    }),
  );
}

/** Name and bytes of each file of a packed folder. */
export function unpacked(value: Uint8Array): [string, Buffer][] {
  const files: [string, Buffer][] = [];
  const all = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  for (let at = 0; at < all.byteLength; ) {
    const line = all.indexOf('\n', at);
    const [name, length] = JSON.parse(all.toString('utf8', at, line)) as [string, number];
    files.push([name, all.subarray(line + 1, line + 1 + length)]);
    at = line + 1 + length;
  }
  return files;
}
