/** Longest path and longest part of it, in bytes, that common file systems take. */
const MAX_PATH = 4096;
const MAX_PART = 255;

/** Whether a relative path from a bundle stays inside the folder that it is joined to, on every system. */
export function isInside(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name with a NUL ends there for some systems
  if (/[\\\u0000-\u001f\u007f]/.test(path) || /^[A-Za-z]:/.test(path)) return false;
  if (Buffer.byteLength(path) > MAX_PATH) return false;
  return path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= MAX_PART);
}

const WEIGHTS = /^files\/(?:base|(?:weights|checkpoints)(?:\.[A-Za-z0-9_-]+)?\/v\d+)\/[^/]+$/;

/** Where an entry of a bundle is written, relative to the run's folder; undefined for what no export writes. */
export function placeOfEntry(name: string): string | undefined {
  if (!isInside(name)) return undefined;
  if (WEIGHTS.test(name)) return name.slice('files/'.length);
  return name.startsWith('inputs/') ? name : undefined;
}
