import { UserError } from './errors.js';

const full: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file may not grow further',
};

/**
 * Runs a write to `place`.
 * @throws {UserError} `disk-full` naming the place if the disk is full; other errors are rethrown
 */
export function writing<T>(place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const why = full[code];
    if (!why) throw error;
    throw new UserError('disk-full', `${place}: ${why} (${message}). Free some space, then resume`);
  }
}
