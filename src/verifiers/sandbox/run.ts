import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { box, channels, rlimits, sandboxCommand, withInput } from './arguments.js';
import { limitClock } from './clock.js';
import type { Limits } from './limits.js';
import { seccompProgram } from './seccomp.js';
import { killTree } from './tree.js';

export interface Program {
  readonly command: readonly string[];
  /** Written to the program's working folder. The program cannot change them. */
  readonly files: readonly {
    readonly path: string;
    readonly content: string | Uint8Array;
    readonly executable?: boolean;
  }[];
  /** Host paths that it may read, in addition to the system's libraries and commands. */
  readonly binds: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** All of standard input, as a file, so that it can also be opened as `/dev/stdin`. Otherwise it is a stream. */
  readonly input?: string | Uint8Array;
  readonly limits: Limits;
  /** How often `renew` will be called, 0 by default. */
  readonly renewals?: number;
  /** See `Toolchain.reserves`. */
  readonly reserves?: boolean;
  /** Run with resource limits alone: the program can read and write whatever this user can. */
  readonly unsafeWithoutSandbox?: boolean;
}

/** `exit`: it ended by itself, with a shell's status (128 + signal). The others: stopped for exceeding a limit. */
export type Ending = 'exit' | 'timeout' | 'memory' | 'output';

export interface Ended {
  readonly ending: Ending;
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Running {
  readonly stdin: Writable;
  /** For `interactive` programs only; otherwise the output is collected. */
  readonly stdout: Readable;
  readonly ended: Promise<Ended>;
  /** Restarts the time limit, for a program that serves one task after another. */
  renew(): void;
  /** Until `resume`, the program has nothing to do, so only its CPU time counts. */
  pause(): void;
  resume(): void;
  kill(): void;
}

const POLL_MILLISECONDS = 25;
const STDERR_CHARACTERS = 16_384;

/**
 * Starts an untrusted program. The whole tree ends with the program, with a limit, with `kill`, and with this process.
 * `ended` rejects only if the sandbox itself could not start.
 */
export function startProgram(program: Program, interactive = false): Running {
  return program.unsafeWithoutSandbox ? startUnsafe(program, interactive) : startInSandbox(program, interactive);
}

/** Runs an untrusted program on an input until it ends. */
export async function runProgram(program: Program, input: string | Uint8Array = ''): Promise<Ended> {
  const running = startProgram({ ...program, input });
  running.stdin.end();
  return running.ended;
}

const rlimitsOf = ({ limits, reserves = false, renewals = 0 }: Program): string[] =>
  rlimits({ ...limits, seconds: limits.seconds * (1 + renewals) }, reserves);

function startInSandbox(program: Program, interactive: boolean): Running {
  const [command = '', ...args] = sandboxCommand(program.command, {
    rlimits: rlimitsOf(program),
    fileBytes: program.limits.fileBytes,
    binds: program.binds,
    files: program.files,
    environment: program.environment ?? {},
    input: program.input !== undefined,
  });
  const files = program.files.map(({ content }) => content);
  if (program.input !== undefined) files.push(program.input);
  const filter = seccompProgram();
  if (!filter) throw new Error(`no system call filter for the architecture ${process.arch}`);
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...files.map(() => 'pipe' as const)],
    env: { PATH: process.env.PATH },
  });
  const send = (channel: number, content: string | Uint8Array) => {
    const stream = child.stdio[channel] as Writable;
    stream.on('error', () => {}); // The program ended before this was sent; `ended` has the cause.
    stream.end(content);
  };
  send(channels.seccomp, filter);
  for (const [index, content] of files.entries()) send(channels.files + index, content);
  let status = '';
  (child.stdio[channels.status] as Readable).setEncoding('utf8').on('data', (text) => {
    status += text;
  });
  return supervise(
    child,
    program.limits,
    interactive,
    () => {
      // After its end, its process id may be another's.
      if (child.exitCode === null && child.signalCode === null) killTree(child.pid);
    },
    (stderr, stopped) => {
      // A program that was stopped may not have reported its start yet.
      if (!stopped && !status.includes('"child-pid"')) throw new Error(`the sandbox did not start: ${stderr.trim()}`);
    },
  );
}

function startUnsafe(program: Program, interactive: boolean): Running {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-unsafe-'));
  for (const file of program.files) {
    writeFileSync(join(folder, file.path), file.content);
    if (file.executable) chmodSync(join(folder, file.path), 0o755);
  }
  const own = (word: string): string => (word.startsWith(box) ? join(folder, word.slice(box.length)) : word);
  if (program.input !== undefined) writeFileSync(join(folder, '.stdin'), program.input);
  const command = program.input === undefined ? program.command : withInput('.stdin', program.command);
  const environment = { PATH: '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8', ...program.environment };
  const child = spawn('prlimit', [...rlimitsOf(program), '--', ...command], {
    cwd: folder,
    detached: true, // Leads a process group, which can be killed as one.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, own(value)])),
  });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  };
  return supervise(child, program.limits, interactive, kill, () => {
    kill();
    rmSync(folder, { recursive: true, force: true });
  });
}

function supervise(
  child: ChildProcess,
  limits: Limits,
  interactive: boolean,
  kill: () => void,
  atEnd: (stderr: string, stopped: boolean) => void,
): Running {
  const { stdin, stdout, stderr, pid } = child;
  if (!stdin || !stdout || !stderr) throw new Error('the program has no standard streams');
  let ending: Ending = 'exit';
  let killed = false;
  const stop = (cause: Ending) => {
    if (ending === 'exit') ending = cause;
    kill();
  };
  stdin.on('error', () => {}); // A program need not read its input.
  const output: Buffer[] = [];
  let outputBytes = 0;
  stdout.on('data', (bytes: Buffer) => {
    outputBytes += bytes.length;
    if (outputBytes > limits.outputBytes) stop('output');
    else if (!interactive) output.push(bytes);
  });
  let errors = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-STDERR_CHARACTERS);
  });
  const clock = limitClock(pid ?? 0, limits);
  const poll = setInterval(() => {
    const exceeded = clock.exceeded();
    if (exceeded) stop(exceeded);
  }, POLL_MILLISECONDS);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', (cause) => {
      clearInterval(poll);
      reject(cause);
    });
    child.once('close', (code, signal) => {
      clearInterval(poll);
      try {
        atEnd(errors, killed || ending !== 'exit');
      } catch (cause) {
        reject(cause);
        return;
      }
      const status = code ?? (signal === 'SIGKILL' ? 137 : 143);
      // The kernel's own CPU limit, a second behind ours, sends SIGXCPU or SIGKILL.
      if (ending === 'exit' && status === 128 + 24) ending = 'timeout';
      resolve({ ending, status, stdout: Buffer.concat(output), stderr: errors });
    });
  });
  return {
    stdin,
    stdout,
    ended,
    renew: clock.renew,
    pause: clock.pause,
    resume: clock.resume,
    kill: () => {
      killed = true;
      kill();
    },
  };
}
