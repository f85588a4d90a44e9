import { execFile } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { nearest, UserError } from '../../support/errors.js';
import type { Limits } from './limits.js';

/** How programs of one language are built and run. `{bin}` stands for the folder of the tool chain's own programs. */
export interface Toolchain {
  /** Looked up on the PATH when the verifier starts. */
  readonly program: string;
  /** A command that prints the tool chain's folder. Default: the folder above the program's `bin`. */
  readonly root?: readonly string[];
  /** Name of the file that the completion is written to. */
  readonly source: string;
  /** Commands that turn the source into the single file `program`. None if the language is interpreted. */
  readonly compile?: readonly (readonly string[])[];
  readonly run: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The runtime reserves far more address space than it uses, so only memory in use is limited. */
  readonly reserves?: boolean;
  /** Entries of /etc that the tool chain reads. */
  readonly etc?: string;
}

/** Compilers need more than the programs they make. */
export const compileLimits: Limits = {
  seconds: 30,
  memoryBytes: 2 * 1024 ** 3,
  processes: 128,
  files: 256,
  fileBytes: 256 * 1024 ** 2,
  outputBytes: 64 * 1024 ** 2,
};

export const toolchains: Readonly<Record<string, Toolchain>> = {
  python: {
    program: 'python3',
    root: ['python3', '-c', 'import sys; print(sys.base_prefix)'],
    source: 'main.py',
    run: ['{bin}/python3', '-s', '-B', '-X', 'utf8', 'main.py'],
    environment: { PYTHONHASHSEED: '0', OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' },
  },
  c: {
    program: 'gcc',
    source: 'main.c',
    compile: [['{bin}/gcc', '-O1', '-std=gnu17', '-o', 'program', 'main.c', '-lm']],
    run: ['./program'],
  },
  'c++': {
    program: 'g++',
    source: 'main.cpp',
    compile: [['{bin}/g++', '-O1', '-std=gnu++20', '-o', 'program', 'main.cpp']],
    run: ['./program'],
  },
  go: {
    program: 'go',
    root: ['go', 'env', 'GOROOT'],
    source: 'main.go',
    compile: [['{bin}/go', 'build', '-o', 'program', 'main.go']],
    run: ['./program'],
    environment: { CGO_ENABLED: '0', GO111MODULE: 'off', GOCACHE: '/box/.cache', GOTOOLCHAIN: 'local' },
    reserves: true,
  },
  rust: {
    program: 'rustc',
    root: ['rustc', '--print', 'sysroot'],
    source: 'main.rs',
    compile: [['{bin}/rustc', '--edition', '2021', '-O', '-o', 'program', 'main.rs']],
    run: ['./program'],
    reserves: true,
  },
  java: {
    program: 'javac',
    source: 'Main.java',
    compile: [
      ['{bin}/javac', '-J-XX:+UseSerialGC', '-d', 'classes', 'Main.java'],
      ['{bin}/jar', '--create', '--file', 'program', '-C', 'classes', '.'],
    ],
    run: ['{bin}/java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m', '-cp', 'program', 'Main'],
    reserves: true,
    etc: 'java-',
  },
};

const aliases: Readonly<Partial<Record<string, string>>> = {
  py: 'python',
  cpp: 'c++',
  cxx: 'c++',
  cc: 'c++',
  golang: 'go',
  rs: 'rust',
  js: 'javascript',
  node: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  jsx: 'javascript',
  ts: 'typescript',
  tsx: 'typescript',
};

/** The canonical name of a language: `py` and `Python3` are `python`, `cpp20` is `c++`. */
export function languageName(name: string): string {
  const lower = name.toLowerCase();
  const bare = lower.replace(/\d+$/, '');
  const known = (word: string) => {
    if (Object.hasOwn(toolchains, word)) return word;
    return Object.hasOwn(aliases, word) ? aliases[word] : undefined;
  };
  return known(lower) ?? known(bare) ?? lower;
}

/** A tool chain found on this machine. */
export interface InstalledToolchain extends Toolchain {
  readonly folder: string;
  /** Host paths that a program of this language must see, read-only. */
  readonly binds: readonly string[];
}

const found = new Map<string, Promise<InstalledToolchain>>();

/** How a language is built and run. @throws {UserError} `unknown-language`, with the nearest name */
export function toolchainOf(language: string, own: Readonly<Record<string, Toolchain>> = {}): Toolchain {
  const known = { ...toolchains, ...own };
  const toolchain = Object.hasOwn(known, language) ? known[language] : undefined;
  if (toolchain) return toolchain;
  const near = nearest(language, Object.keys(known));
  throw new UserError(
    'unknown-language',
    `language: found "${language}", expected one of ${['javascript', 'typescript', ...Object.keys(known)].join(', ')}` +
      (near ? `; did you mean "${near}"?` : ''),
  );
}

/** Finds the tool chain on this machine. Rejects with a `UserError` that says what is missing. */
export async function findToolchain(
  language: string,
  own: Readonly<Record<string, Toolchain>> = {},
): Promise<InstalledToolchain> {
  const toolchain = toolchainOf(language, own);
  const key = JSON.stringify(toolchain);
  const search = found.get(key) ?? locate(language, toolchain);
  found.set(key, search);
  return search;
}

async function locate(language: string, toolchain: Toolchain): Promise<InstalledToolchain> {
  const path = (process.env.PATH ?? '/usr/bin:/bin')
    .split(delimiter)
    .map((folder) => join(folder, toolchain.program))
    .find(existsSync);
  if (path === undefined) {
    throw new UserError(
      'toolchain-missing',
      `language "${language}" needs the program ${toolchain.program}, which is not on the PATH; ` +
        'install it or leave the language out',
    );
  }
  let root = dirname(dirname(realpathSync(path)));
  if (toolchain.root) {
    const [program = '', ...rest] = toolchain.root;
    root = realpathSync((await promisify(execFile)(program, rest)).stdout.trim());
  }
  const etc = toolchain.etc;
  return {
    ...toolchain,
    folder: root,
    binds: [
      ...(/^\/usr(\/lib\/.*)?$/.test(root) ? [] : [root]),
      ...(etc === undefined
        ? []
        : readdirSync('/etc')
            .filter((name) => name.startsWith(etc))
            .map((name) => `/etc/${name}`)),
    ],
  };
}

/** A command of the tool chain, with its own programs by full path. */
export const commandOf = (toolchain: InstalledToolchain, command: readonly string[]): string[] =>
  command.map((word) => word.replace('{bin}', join(toolchain.folder, 'bin')));
