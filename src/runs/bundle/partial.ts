import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../../support/processes.js';

/** Where an import writes until it is complete. */
export const partialOf = (folder: string): string => `${folder}.${process.pid}.partial`;

/** Removes what imports to this folder left behind whose processes were killed. */
export function sweepPartial(folder: string): void {
  const parent = dirname(folder);
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch {
    return; // the import makes it
  }
  const start = `${basename(folder)}.`;
  for (const name of names) {
    const pid = name.startsWith(start) ? /^(\d+)\.partial$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}
