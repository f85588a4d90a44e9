import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { UserError } from '../../support/errors.js';

/** A Python with Math-Verify. */
export interface Environment {
  readonly program: string;
  /** Folders that it reads. */
  readonly folders: readonly string[];
  readonly version: string;
}

const PROBE = `
import importlib.metadata, json, sys
folders = [folder for folder in [sys.prefix, sys.base_prefix, *sys.path] if folder]
version = importlib.metadata.version("math-verify")
print(json.dumps({"program": sys.executable, "folders": folders, "version": version}))
`;
const PROBE_MILLISECONDS = 30_000;

const probed = z.object({ program: z.string(), folders: z.array(z.string()), version: z.string() });

/** What a sandbox mounts anyway, or must not mount as a whole. */
const SYSTEM = ['/', '/usr', '/usr/lib', '/usr/bin', '/lib', '/bin'];

const known = new Map<string, Promise<Environment | undefined>>();

/**
 * Finds Math-Verify in the Python of the settings. Each is asked once per process.
 *
 * @throws {UserError} `no-math-verify` that says what to install
 */
export async function findMathVerify(python: string, folder: string, where: string): Promise<Environment> {
  const program = programOf(python, folder);
  const probing = known.get(program) ?? probe(program);
  known.set(program, probing);
  const found = await probing;
  if (found) return found;
  throw new UserError(
    'no-math-verify',
    `${where}.python: found no package math-verify in ${python}; install it with ` +
      '`python3 -m venv math-verify && math-verify/bin/pip install math-verify`, and set python to that folder',
  );
}

/** A command is looked up on the PATH, anything with a slash is a path. */
function programOf(python: string, folder: string): string {
  const path = resolve(folder, python);
  const inside = join(path, 'bin', 'python3');
  if (existsSync(inside)) return inside;
  return python.includes('/') ? path : python;
}

async function probe(program: string): Promise<Environment | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['-s', '-c', PROBE], { timeout: PROBE_MILLISECONDS });
    const { folders, ...rest } = probed.parse(JSON.parse(stdout));
    const own = [...new Set(folders)].filter((one) => existsSync(one) && !SYSTEM.includes(one));
    return { ...rest, folders: own.filter((one) => !own.some((other) => one.startsWith(`${other}/`))) };
  } catch {
    return undefined; // There is no such Python, or it has no such package.
  }
}
