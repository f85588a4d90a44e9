import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../support/errors.js';

/**
 * Checks the latest state of an LMDB file before LMDB maps it: a damaged file would crash the process without an error.
 * Reads branch and leaf pages only, so long values cost nothing.
 *
 * The layout is LMDB's data version 2 with 64-bit page numbers, as in its source, `mdb.c`: a page begins with number,
 * transaction, padding, flags and two bounds (24 bytes); in pages 0 and 1 the file header follows.
 * @throws {UserError} `topics-corrupt` naming what is wrong, `topics-version` for another layout.
 */
export function verifyFile(file: string): void {
  const fd = openSync(file, 'r');
  try {
    // A concurrent writer reuses pages that this walk still reads, so only a walk without a commit in between counts.
    // If every attempt sees a commit, a live writer is using the file without trouble.
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = newestHead(fd, file);
      const problem = walk(fd, before);
      if (problem === undefined) return;
      if (newestHead(fd, file).bytes.equals(before.bytes)) throw corrupt(file, problem);
    }
  } finally {
    closeSync(fd);
  }
}

interface Head {
  readonly bytes: Buffer;
  readonly pageSize: number;
  readonly transaction: bigint;
  /** Of the free list and of the data. */
  readonly trees: readonly { readonly root: bigint; readonly depth: number; readonly pages: bigint }[];
}

const none = 2n ** 64n - 1n;
const header = 24;
const isBranch = 1;
const isLeaf = 2;
const isLong = 1;

const corrupt = (file: string, problem: string) => new UserError('topics-corrupt', `${file} is damaged: ${problem}`);

function newestHead(fd: number, file: string): Head {
  const first = head(fd, file, 0);
  const second = head(fd, file, first.pageSize);
  return second.transaction > first.transaction ? second : first;
}

function head(fd: number, file: string, at: number): Head {
  const bytes = Buffer.alloc(168);
  if (readSync(fd, bytes, 0, bytes.length, at) < bytes.length)
    throw corrupt(file, 'it is empty or its head is cut off');
  if (bytes.readUInt32LE(24) !== 0xbeefc0de) throw corrupt(file, 'it does not begin like an LMDB database');
  const version = bytes.readUInt32LE(28) & 0xffff;
  if (version !== 2) {
    throw new UserError('topics-version', `${file}: LMDB data version ${version}; this release reads and writes 2`);
  }
  const pageSize = bytes.readUInt32LE(48);
  if (pageSize < 256 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) {
    throw corrupt(file, `pages of ${pageSize} bytes`);
  }
  const trees = [48, 96].map((tree) => ({
    depth: bytes.readUInt16LE(tree + 6),
    pages: bytes.readBigUInt64LE(tree + 8) + bytes.readBigUInt64LE(tree + 16),
    root: bytes.readBigUInt64LE(tree + 40),
  }));
  return { bytes, pageSize, trees, transaction: bytes.readBigUInt64LE(152) };
}

/** What is wrong with the pages reachable from the header; undefined if nothing is. */
function walk(fd: number, { pageSize, trees }: Head): string | undefined {
  const pages = fstatSync(fd).size / pageSize;
  const pageOf = pageReader(fd, pageSize);
  for (const { root, depth, pages: expected } of trees) {
    if (root === none) continue;
    const stack = [{ number: Number(root), level: 1 }];
    let seen = 0n;
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { number, level } = next;
      seen += 1n;
      if (seen > expected || level > depth) return 'its page tree contains a cycle';
      if (number >= pages) return `page ${number} is past the end of the file, which was truncated`;
      const page = pageOf(number);
      const flags = page.readUInt16LE(18);
      const count = page.readUInt16LE(20) >> 1;
      const wanted = level === depth ? isLeaf : isBranch;
      if (Number(page.readBigUInt64LE(0)) !== number || (flags & 3) !== wanted || count * 2 > pageSize - header) {
        return `page ${number} was overwritten`;
      }
      for (let i = 0; i < count; i++) {
        const node = header + page.readUInt16LE(header + 2 * i);
        const data = node + 8 + (node + 8 <= pageSize ? page.readUInt16LE(node + 6) : 0);
        if (data > pageSize) return `page ${number} was overwritten`;
        const size = page.readUInt32LE(node);
        const nodeFlags = page.readUInt16LE(node + 4);
        if (wanted === isBranch) {
          stack.push({ number: size + nodeFlags * 2 ** 32, level: level + 1 });
        } else if ((nodeFlags & isLong) === 0) {
          if (data + size > pageSize) return `page ${number} was overwritten`;
        } else if (data + 8 > pageSize || Number(page.readBigUInt64LE(data)) + (header + size) / pageSize > pages) {
          return `a value of page ${number} is past the end of the file, which was truncated`;
        }
      }
    }
  }
  return undefined;
}

/** Reads pages through a buffer, since neighbours in the tree are often neighbours in the file. */
function pageReader(fd: number, pageSize: number): (number: number) => Buffer {
  const buffer = Buffer.alloc(64 * pageSize);
  let first = -1;
  return (number) => {
    if (first < 0 || number < first || number >= first + 64) {
      first = number - (number % 64);
      readSync(fd, buffer, 0, buffer.length, first * pageSize);
    }
    const at = (number - first) * pageSize;
    return buffer.subarray(at, at + pageSize);
  };
}
