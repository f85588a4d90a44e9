import { strFromU8, strToU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { UserError } from '../../../support/errors.js';

/** Maximum bytes of the parts of a document when unpacked. */
const MAX_UNPACKED = 256 << 20;

/** XML parts of an Office document by name. */
export type Parts = Map<string, string>;

/**
 * Unpacks the XML parts of an Office document. Sizes are checked before anything is unpacked.
 * @throws {UserError} `document-huge`; {Error} for a damaged archive
 */
export function unpack(path: string, bytes: Uint8Array): Parts {
  let unpacked = 0;
  const entries = unzipSync(bytes, {
    filter({ name, originalSize }) {
      if (!/\.(xml|rels)$/i.test(name)) return false;
      unpacked += originalSize;
      if (unpacked > MAX_UNPACKED)
        throw new UserError(
          'document-huge',
          `${path}: unpacks to more than ${MAX_UNPACKED} bytes, expected at most that; split the document`,
        );
      return true;
    },
  });
  return new Map(Object.entries(entries).map(([name, part]) => [name, strFromU8(part)]));
}

/** Packs parts without compressing them. */
export function pack(parts: Parts): Uint8Array {
  const entries: Zippable = {};
  for (const [name, part] of parts) entries[name] = [strToU8(part), { level: 0 }];
  return zipSync(entries);
}
