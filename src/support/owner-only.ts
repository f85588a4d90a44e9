import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';

/** Modes of files and folders with text that only the teacher and the verifier may see. */
export const OWNER_FILE = 0o600;
export const OWNER_FOLDER = 0o700;

/** Creates a folder that only its owner may enter; one that is there becomes so, where it is this user's. */
export function ownerOnlyFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: OWNER_FOLDER });
  restrict(folder, OWNER_FOLDER);
}

/** Lets only its owner read a file, where there is one and it is this user's. */
export function ownerOnlyFile(file: string): void {
  if (existsSync(file)) restrict(file, OWNER_FILE);
}

function restrict(path: string, mode: number): void {
  const { uid, mode: now } = statSync(path);
  // Others' folders keep their modes: only the owner may change them.
  if (
    (now & 0o777 & ~mode) !== 0 &&
    (process.getuid === undefined || process.getuid() === uid || process.getuid() === 0)
  )
    chmodSync(path, now & mode);
}
