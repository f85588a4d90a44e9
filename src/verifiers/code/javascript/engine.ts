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
import type { Limits } from '../../sandbox/limits.js';
import { world } from '../javascript-world.js';
import { clip, type Outcome } from '../outcome.js';

// WebAssembly memory only grows, so one greedy program would leave its peak behind; past this, the next gets a fresh engine.
const KEEP_BYTES = 48 * 1024 * 1024;
const PAGE_BYTES = 65_536;
// What the engine is built to start with and can address at most.
const LEAST_PAGES = 256;
const MOST_PAGES = 32_768;
const STACK_BYTES = 512 * 1024;

interface Memory {
  readonly buffer: ArrayBuffer;
}

// The type library of Node leaves this global out.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<unknown>;
  Memory: new (pages: { readonly initial: number; readonly maximum: number }) => Memory;
};

let compiled: Promise<unknown> | undefined;

/**
 * A fresh engine: its own WebAssembly memory of at most `memoryBytes`, with nothing of any other program in it. The engine's own
 * count of its memory does not work in WebAssembly, so the limit is on the memory itself.
 */
export function newEngine({ memoryBytes }: Pick<Limits, 'memoryBytes'>): Promise<QuickJSWASMModule> {
  compiled ??= (async () => {
    const require = createRequire(createRequire(import.meta.url).resolve('quickjs-emscripten'));
    const variant = require.resolve('@jitl/quickjs-wasmfile-release-sync');
    return WebAssembly.compile(await readFile(createRequire(variant).resolve('./emscripten-module.wasm')));
  })();
  const wasmModule = compiled;
  const maximum = Math.min(MOST_PAGES, Math.max(LEAST_PAGES, Math.floor(memoryBytes / PAGE_BYTES)));
  const wasmMemory = new WebAssembly.Memory({ initial: LEAST_PAGES, maximum });
  return newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmModule: () => wasmModule, wasmMemory }));
}

/** A program in an engine, with its own end. */
export interface Realm {
  readonly context: QuickJSContext;
  /** Evaluates a script; undefined where it threw or was stopped, with the cause in `state`. */
  run(code: string, file: string): QuickJSHandle | undefined;
  /** Calls a function of the realm with a text and returns the text that it gives; undefined as in `run`. */
  call(fn: QuickJSHandle, text: string): string | undefined;
  /** Runs promises and timers until none is left. */
  settle(): void;
  readonly state: RealmState;
  dispose(): void;
}

export interface RealmState {
  output: string;
  stopped?: 'output' | 'exit';
  exitCode: number;
  /** What the program threw, as text. */
  thrown?: string;
  /** The engine itself gave way, as on a stack overflow in its native code. */
  broken: boolean;
}

/** Opens a realm on the engine; `link` answers the messages of scripts that know it. */
export function openRealm(
  engine: QuickJSWASMModule,
  { outputBytes }: Pick<Limits, 'outputBytes'>,
  stdin: string,
  link?: (message: string) => string,
): Realm {
  const runtime = engine.newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  const state: RealmState = { output: '', exitCode: 0, broken: false };
  runtime.setInterruptHandler(() => state.stopped !== undefined);
  const context = runtime.newContext();
  const host = context.newObject();
  const expose = (name: string, fn: (...args: QuickJSHandle[]) => QuickJSHandle | undefined) => {
    context.newFunction(name, (...args) => fn(...args)).consume((handle) => context.setProp(host, name, handle));
  };
  context.newString(stdin).consume((handle) => context.setProp(host, 'stdin', handle));
  expose('write', (text) => {
    if (state.stopped || !text) return undefined;
    state.output += context.getString(text);
    if (state.output.length <= outputBytes) return undefined;
    state.stopped = 'output';
    throw new Error('the output is too long');
  });
  expose('exit', (code) => {
    state.stopped ??= 'exit';
    state.exitCode = code ? context.getNumber(code) : 0;
    throw new Error('the program has left'); // Unwinds what the engine's next look at the interrupt handler would stop late.
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
    state,
    dispose: () => {
      // An engine that gave way may abort; it is thrown away whole.
      if (state.broken) return;
      tick?.dispose();
      context.dispose();
      runtime.dispose();
    },
  };
}

/** What became of a program that did not end well; undefined where it did. */
export function realmMishap(state: RealmState): Outcome | undefined {
  if (state.stopped === 'output') return { outcome: 'crash', detail: 'stopped at its limit on output' };
  if (state.stopped === 'exit') {
    return state.exitCode === 0 ? undefined : { outcome: 'crash', detail: `exit status ${state.exitCode}` };
  }
  if (state.thrown === undefined) return undefined;
  return { outcome: /out of memory/.test(state.thrown) ? 'memory' : 'crash', detail: clip(state.thrown) };
}

let idle: { readonly engine: QuickJSWASMModule; readonly memoryBytes: number } | undefined;

/** Runs `work` with an engine that no program has harmed; it is used again where it came out whole and small. */
export async function withEngine(
  { memoryBytes }: Limits,
  work: (engine: QuickJSWASMModule) => { readonly broken: boolean },
): Promise<void> {
  const engine = idle?.memoryBytes === memoryBytes ? idle.engine : await newEngine({ memoryBytes });
  idle = undefined;
  const { broken } = work(engine);
  if (!broken && engine.getWasmMemory().buffer.byteLength <= KEEP_BYTES) idle = { engine, memoryBytes };
}
