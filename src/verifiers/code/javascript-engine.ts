import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
  RELEASE_SYNC,
} from 'quickjs-emscripten';
import type { Limits } from '../sandbox/limits.js';
import { world } from './javascript-world.js';

// WebAssembly memory only grows, so one greedy program would leave its peak behind; past this, the next gets a fresh engine.
const KEEP_BYTES = 48 * 1024 * 1024;
// The collector's pauses grow with the heap, and the engine notices its deadline only between them.
const MOST_BYTES = 128 * 1024 * 1024;
const STACK_BYTES = 512 * 1024;

// The type library of Node leaves this global out.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<unknown> };

let compiled: Promise<unknown> | undefined;

/** A fresh engine: its own WebAssembly memory, with nothing of any other program in it. */
export function newEngine(): Promise<QuickJSWASMModule> {
  compiled ??= (async () => {
    const require = createRequire(createRequire(import.meta.url).resolve('quickjs-emscripten'));
    const variant = require.resolve('@jitl/quickjs-wasmfile-release-sync');
    return WebAssembly.compile(await readFile(createRequire(variant).resolve('./emscripten-module.wasm')));
  })();
  const wasmModule = compiled;
  return newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmModule: () => wasmModule }));
}

/** A program in an engine, with its own clock and its own end. */
export interface Realm {
  readonly context: QuickJSContext;
  /** Evaluates a script; undefined where it threw or was stopped, with the cause in `state`. */
  run(code: string, file: string): QuickJSHandle | undefined;
  /** Calls a function of the realm with a text and returns the text that it gives; undefined as in `run`. */
  call(fn: QuickJSHandle, text: string): string | undefined;
  /** Runs promises and timers until none is left. */
  settle(): void;
  /** Starts the limit on seconds anew. */
  renew(): void;
  readonly state: RealmState;
  dispose(): void;
}

export interface RealmState {
  output: string;
  stopped?: 'timeout' | 'output' | 'exit';
  exitCode: number;
  /** What the program threw, as text. */
  thrown?: string;
  /** The engine itself gave way, as on a stack overflow in its native code. */
  broken: boolean;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/**
 * Opens a realm on the engine; `link` answers the messages of scripts that know it. Seconds are CPU seconds of this process, which runs one
 * program at a time.
 */
export function openRealm(
  engine: QuickJSWASMModule,
  limits: Limits,
  stdin: string,
  link?: (message: string) => string,
): Realm {
  const runtime = engine.newRuntime();
  runtime.setMemoryLimit(Math.min(limits.memoryBytes, MOST_BYTES));
  runtime.setMaxStackSize(STACK_BYTES);
  const state: RealmState = { output: '', exitCode: 0, broken: false };
  let start = cpuSeconds();
  runtime.setInterruptHandler(() => {
    if (!state.stopped && cpuSeconds() - start > limits.seconds) state.stopped = 'timeout';
    return state.stopped !== undefined;
  });
  const context = runtime.newContext();
  const host = context.newObject();
  const expose = (name: string, fn: (...args: QuickJSHandle[]) => QuickJSHandle | undefined) => {
    context.newFunction(name, (...args) => fn(...args)).consume((handle) => context.setProp(host, name, handle));
  };
  context.newString(stdin).consume((handle) => context.setProp(host, 'stdin', handle));
  expose('write', (text) => {
    if (state.stopped || !text) return undefined;
    state.output += context.getString(text);
    if (state.output.length > limits.outputBytes) state.stopped = 'output';
    return undefined;
  });
  expose('exit', (code) => {
    state.stopped ??= 'exit';
    state.exitCode = code ? context.getNumber(code) : 0;
    return undefined;
  });
  if (link) expose('link', (message) => context.newString(link(message ? context.getString(message) : '')));
  let tick: QuickJSHandle | undefined;
  expose('tick', (fn) => {
    tick ??= fn?.dup();
    return undefined;
  });
  context.setProp(context.global, '__host', host);
  host.dispose();

  const guard = <T>(work: () => T): T | undefined => {
    if (state.broken || state.stopped || state.thrown !== undefined) return undefined;
    try {
      return work();
    } catch (cause) {
      state.broken = true;
      state.thrown = cause instanceof Error ? cause.message : String(cause);
      return undefined;
    }
  };
  const caught = (error: QuickJSHandle) => {
    if (state.stopped) return;
    const dumped: unknown = context.dump(error);
    const fields = typeof dumped === 'object' && dumped !== null ? (dumped as Record<string, unknown>) : undefined;
    state.thrown = fields ? `${String(fields.name ?? 'Error')}: ${String(fields.message ?? '')}` : String(dumped);
  };
  const run = (code: string, file: string): QuickJSHandle | undefined =>
    guard(() => {
      const result = context.evalCode(code, file, { type: 'global' });
      if (!result.error) return result.value;
      result.error.consume(caught);
      return undefined;
    });
  const call = (fn: QuickJSHandle, text: string): string | undefined =>
    guard(() => {
      const result = context.newString(text).consume((handle) => context.callFunction(fn, context.undefined, handle));
      if (!result.error) return result.value.consume((handle) => context.getString(handle));
      result.error.consume(caught);
      return undefined;
    });
  const settle = () => {
    for (let going: boolean | undefined = true; going; ) {
      going = guard(() => {
        const jobs = runtime.executePendingJobs();
        if (jobs.error) {
          jobs.error.consume(caught);
          return false;
        }
        if (!tick || state.stopped) return false;
        const more = context.callFunction(tick, context.undefined);
        if (more.error) {
          more.error.consume(caught);
          return false;
        }
        return more.value.consume((handle) => context.dump(handle) === true);
      });
    }
  };
  run(world, 'world.js')?.dispose();
  return {
    context,
    run,
    call,
    settle,
    renew: () => {
      start = cpuSeconds();
    },
    state,
    dispose: () => {
      // An engine that was stopped midway holds on to objects, and would abort; it is thrown away whole.
      if (state.broken || state.stopped === 'timeout') return;
      tick?.dispose();
      context.dispose();
      runtime.dispose();
    },
  };
}

let idle: QuickJSWASMModule | undefined;

/** Runs `work` with an engine that no program has harmed; it is used again where it came out whole and small. */
export async function withEngine<T>(
  work: (engine: QuickJSWASMModule) => Promise<{ value: T; broken: boolean }>,
): Promise<T> {
  const engine = idle ?? (await newEngine());
  idle = undefined;
  const { value, broken } = await work(engine);
  if (!broken && engine.getWasmMemory().buffer.byteLength <= KEEP_BYTES) idle = engine;
  return value;
}
