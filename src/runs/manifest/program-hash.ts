import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { digest } from '../../support/digest.js';

let known: string | undefined;

/** Content hash of this program's own code, as run from `dist/` or `src/`, and of its schemas. */
export function codeHash(): string {
  known ??= hashOf(['../../', '../../../schemas/'].map((path) => fileURLToPath(new URL(path, import.meta.url))));
  return known;
}

function hashOf(folders: readonly string[]): string {
  const parts = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /[.](js|ts|avsc)$/.test(name) && !name.endsWith('.d.ts'))
      .sort()
      .flatMap((name) => [name.replaceAll('\\', '/'), readFileSync(`${folder}/${name}`)]),
  );
  return digest(...parts);
}

/** Versions of the program, its pinned libraries, and Node. */
export function programVersions(): Record<string, string> {
  const { version, dependencies, optionalDependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'optionalDependencies', Record<string, string>>> & { readonly version: string };
  return { 'rlsd-streams': version, node: process.version, ...dependencies, ...optionalDependencies };
}

/** Processor features that select the float kernels. */
export interface Machine {
  readonly platform: string;
  readonly cpu: string;
  /** Vector instructions, if the system lists them. */
  readonly features: readonly string[];
}

export function machineOf(): Machine {
  let features: string[] = [];
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    features = flags
      .split(/\s+/)
      .filter((flag) => /^(sse4|avx|fma|f16c|amx|asimd|sve|neon|bf16|fphp)/.test(flag))
      .sort();
  } catch {
    // Not every system lists them; the processor's name remains.
  }
  return { platform: `${process.platform}-${process.arch}`, cpu: cpus()[0]?.model ?? 'unknown', features };
}
