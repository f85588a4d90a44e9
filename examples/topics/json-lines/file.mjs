import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { UserError } from 'rlsd-streams';

/**
 * The file of a log. One process writes; others read next to it.
 * @throws {UserError} `topics-missing` where there is nothing to read, `topics-locked` where another process writes
 */
export function openFile(folder, readOnly) {
  const path = join(folder, 'topics.jsonl');
  if (readOnly && !existsSync(path)) throw new UserError('topics-missing', `${path}: no such file`);
  mkdirSync(folder, { recursive: true });
  const unlock = readOnly ? () => {} : lock(join(folder, 'writer.pid'));
  const descriptor = openSync(path, readOnly ? 'r' : 'a+');
  let position = 0;

  function newLines() {
    const size = fstatSync(descriptor).size - position;
    const bytes = Buffer.alloc(size);
    const length = size > 0 ? readSync(descriptor, bytes, 0, size, position) : 0;
    // What follows the last line feed is a transaction that has not been written whole.
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a, length - 1) + 1);
    position += whole.length;
    const lines = whole.toString('utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  return {
    newLines,
    /** Returns once the line is on disk. */
    append(transaction) {
      const before = fstatSync(descriptor).size;
      // A process that died while it wrote has left part of a line.
      if (before > position) ftruncateSync(descriptor, position);
      try {
        writeSync(descriptor, `${JSON.stringify(transaction)}\n`);
        fdatasyncSync(descriptor);
      } catch (error) {
        ftruncateSync(descriptor, position);
        throw error;
      }
    },
    close() {
      closeSync(descriptor);
      unlock();
    },
  };
}

/** Takes the place of the writer; a process that has died gives it up. */
function lock(path) {
  const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : process.pid;
  if (holder !== process.pid && isAlive(holder))
    throw new UserError('topics-locked', `${path}: process ${holder} is writing these topics`);
  writeFileSync(path, `${process.pid}`);
  return () => rmSync(path, { force: true });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
