import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Limits } from './limits.js';

/** The program's folder inside the sandbox. */
export const box = '/box';

/** Where standard input is, outside of that folder, if it is a file. */
const inputFile = '/input';

/** A command whose standard input is a file. */
export const withInput = (file: string, command: readonly string[]): string[] => [
  'sh',
  '-c',
  'exec "$@" <"$0"',
  file,
  ...command,
];

/** File descriptors of the sandbox's channels, followed by those of the files. */
export const channels = { status: 3, seccomp: 4, files: 5 } as const;

// The libraries that programs of any language link against, and the few commands that start them.
const system = [
  '/bin',
  '/lib',
  '/lib32',
  '/lib64',
  '/usr/bin',
  '/usr/include',
  '/usr/lib',
  '/usr/lib32',
  '/usr/lib64',
  '/usr/libexec',
  '/etc/alternatives',
  '/etc/ld.so.cache',
];

function bind(path: string): string[] {
  if (!existsSync(path)) return [];
  if (lstatSync(path).isSymbolicLink()) return ['--symlink', readlinkSync(path), path];
  const above: string[] = [];
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) above.unshift('--dir', folder);
  return [...above, '--ro-bind', path, path];
}

/** prlimit's arguments: what the kernel itself enforces for each process. */
export function rlimits(limits: Limits, reserves: boolean): string[] {
  return [
    `--nproc=${limits.processes}`,
    ...(reserves ? [] : [`--as=${limits.memoryBytes}`]),
    `--fsize=${limits.fileBytes}`,
    `--cpu=${Math.ceil(limits.seconds) + 1}`,
    '--core=0',
    `--nofile=${limits.files}`, // Each may be a socket with a buffer that no process owns.
    '--memlock=0',
    '--msgqueue=0',
  ];
}

/**
 * An unused user id, so that the limit on processes, which Linux counts per user, counts this run alone. Process ids
 * are below 2^22, and one process has fewer than 256 sandboxes at once.
 */
let run = 0;
function userId(): number {
  run = (run + 1) % 256;
  const id = 1_000_000_000 + process.pid * 256 + run;
  const mapped = readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .some((line) => {
      const [inside = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
      return inside <= id && id < inside + length;
    });
  return mapped ? id : 20_000 + ((process.pid * 256 + run) % 40_000);
}

/** The command line that runs `command` in an empty file system with no network. */
export function sandboxCommand(
  command: readonly string[],
  options: {
    readonly rlimits: readonly string[];
    readonly fileBytes: number;
    readonly binds: readonly string[];
    readonly files: readonly { readonly path: string; readonly executable?: boolean }[];
    readonly environment: Readonly<Record<string, string>>;
    /** Standard input is a file, which follows the others in `channels`. */
    readonly input: boolean;
  },
): string[] {
  const { binds, files, environment } = options;
  const root = process.getuid?.() === 0;
  const id = String(root ? userId() : 65534);
  return [
    'bwrap',
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-uts',
    '--unshare-cgroup-try',
    // Root mounts first, then becomes a user without rights. Other users get a namespace to mount in.
    ...(root
      ? ['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']
      : ['--unshare-user', '--uid', id, '--gid', id]),
    '--hostname',
    'sandbox',
    '--clearenv',
    '--die-with-parent',
    '--new-session',
    ...[...system, ...binds].flatMap(bind),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--remount-ro',
    '/dev',
    '--perms',
    '1777',
    '--size',
    String(options.fileBytes),
    '--tmpfs',
    box,
    '--dir',
    '/tmp',
    ...(options.input ? ['--perms', '0444', '--file', String(channels.files + files.length), inputFile] : []),
    '--remount-ro',
    '/',
    '--chdir',
    box,
    ...files.flatMap((file, index) => [
      '--perms',
      file.executable ? '0555' : '0444',
      '--file',
      String(channels.files + index),
      `${box}/${file.path}`,
    ]),
    ...Object.entries({ PATH: '/usr/bin:/bin', HOME: box, TMPDIR: box, LANG: 'C.UTF-8', ...environment }).flatMap(
      ([name, value]) => ['--setenv', name, value],
    ),
    '--json-status-fd',
    String(channels.status),
    '--seccomp',
    String(channels.seccomp),
    '--',
    ...(root ? ['setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--inh-caps=-all', '--no-new-privs'] : []),
    'prlimit',
    ...options.rlimits,
    '--',
    ...(options.input ? withInput(inputFile, command) : command),
  ];
}
