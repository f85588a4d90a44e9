import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../support/errors.js';
import type { ArmRun } from './arms.js';
import { finishedResult, type RunResult, readResult } from './result.js';

export interface ExecuteOptions {
  /** Path of the pipeline file. */
  readonly pipeline: string;
  /** The `rlsd` program. */
  readonly program: string;
  /** Runs at a time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onStart?: (run: ArmRun) => void;
  readonly onResult?: (result: RunResult) => void;
}

/**
 * Executes the runs of an experiment, several at a time, each in a process of its own. Finished ones are read, and
 * interrupted ones resumed.
 * @returns results in the order of the runs
 * @throws {UserError} `run-failed` naming arm and seed, `stopped`
 */
export async function executeRuns(runs: readonly ArmRun[], options: ExecuteOptions): Promise<readonly RunResult[]> {
  const results = new Map<ArmRun, RunResult>();
  const waiting = [...runs];
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const work = async () => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      const result = await naming(run, async () => (await finishedResult(run)) ?? execute(run, options, signal));
      results.set(run, result);
      options.onResult?.(result);
    }
  };
  const workers = Array.from({ length: options.parallel }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(workers);
    throw error;
  }
  return runs.flatMap((run) => results.get(run) ?? []);
}

async function execute(run: ArmRun, options: ExecuteOptions, signal: AbortSignal): Promise<RunResult> {
  const { seed, sets, folder } = run;
  const { pipeline, program, onStart } = options;
  if (signal.aborted) throw stopped();
  onStart?.(run);
  mkdirSync(dirname(folder), { recursive: true });
  const isBegun = existsSync(join(folder, 'manifest.json'));
  const overrides = sets.flatMap((set) => ['--set', set]);
  const start = ['run', pipeline, '--run', folder, '--seed', String(seed), ...overrides];
  const failure = await runProgram(program, [...(isBegun ? ['resume', folder] : start), '--json'], signal);
  if (signal.aborted) throw stopped();
  if (failure !== undefined) throw new UserError('run-failed', failure);
  return readResult(run);
}

/** Names arm and seed in what is wrong with a run. */
async function naming<T>({ arm, seed }: ArmRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'stopped') throw error;
    throw new UserError(error.code, `arm ${arm}, seed ${seed}: ${error.message}`);
  }
}

const stopped = () => new UserError('stopped', 'stopped; run the same command again to continue');

/** Runs `rlsd` to its end. @returns its messages where it failed */
function runProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let messages = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      messages = (messages + text).slice(-4000);
    });
    const stop = () => child.kill('SIGINT');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.once('error', reject);
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code === 0 ? undefined : messages.trim().replace(/^rlsd: /gm, '') || `it ended with exit code ${code}`);
    });
  });
}
