import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten';
import type { Limits } from '../../sandbox/limits.js';
import { javascriptAsset } from '../assets.js';
import { clip, type Outcome } from '../outcome.js';

const STACK_BYTES = 512 * 1024;

/** One program in an engine. */
export interface Realm {
  /** Evaluates a script. Undefined if it threw or was stopped; `state` has the cause. */
  run(code: string, file: string): QuickJSHandle | undefined;
  /** Calls the function that an asset exports. Undefined as in `run`. */
  start(asset: string, ...args: readonly QuickJSHandle[]): QuickJSHandle | undefined;
  /** A function of the host that maps text to text. */
  hostFunction(name: string, fn: (text: string) => string): QuickJSHandle;
  /** Calls a function of the realm with a text and returns the text that it returns. Undefined as in `run`. */
  call(fn: QuickJSHandle, text: string): string | undefined;
  /** Runs promises and timers until none is left. */
  settle(): void;
  /** Runs promises alone. */
  jobs(): void;
  /** How many calls into the realm have not returned yet. */
  depth(): number;
  /** The timers of assets/world.js, for whoever runs them instead of `settle`. */
  readonly timers: QuickJSHandle;
  readonly state: RealmState;
  dispose(): void;
}

export interface RealmState {
  output: string;
  stopped?: 'output' | 'exit';
  exitCode: number;
  /** What the program threw, as text. */
  thrown?: string;
  /** The engine itself failed, for example with a stack overflow in its native code. */
  broken: boolean;
}

interface Inside {
  readonly runtime: QuickJSRuntime;
  readonly context: QuickJSContext;
  readonly state: RealmState;
  /** The world's function that runs the next timer. */
  tick?: QuickJSHandle;
  depth: number;
}

/** Opens a realm with the console, timers and modules of assets/world.js. */
export function openRealm(
  engine: QuickJSWASMModule,
  { outputBytes }: Pick<Limits, 'outputBytes'>,
  stdin: string,
): Realm {
  const runtime = engine.newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  const state: RealmState = { output: '', exitCode: 0, broken: false };
  runtime.setInterruptHandler(() => state.stopped !== undefined);
  const inside: Inside = { runtime, context: runtime.newContext(), state, depth: 0 };
  const { context } = inside;
  const host = createHost(inside, outputBytes, stdin);
  let timers: QuickJSHandle | undefined;
  const realm: Realm = {
    run: (code, file) => guard(state, () => unwrap(inside, context.evalCode(code, file, { type: 'global' }))),
    start(asset, ...args) {
      const fn = realm.run(javascriptAsset(asset), asset);
      if (!fn) return undefined;
      const started = guard(state, () => unwrap(inside, context.callFunction(fn, context.undefined, ...args)));
      fn.dispose();
      return started;
    },
    hostFunction: (name, fn) => context.newFunction(name, (text) => context.newString(fn(context.getString(text)))),
    call: (fn, text) => {
      inside.depth += 1;
      try {
        return guard(state, () => {
          const result = context
            .newString(text)
            .consume((handle) => context.callFunction(fn, context.undefined, handle));
          return unwrap(inside, result)?.consume((handle) => context.getString(handle));
        });
      } finally {
        inside.depth -= 1;
      }
    },
    settle: () => {
      while (guard(state, () => settleOnce(inside)));
    },
    jobs: () => {
      guard(state, () => runJobs(inside));
    },
    depth: () => inside.depth,
    get timers() {
      return timers ?? context.undefined;
    },
    state,
    dispose: () => {
      // Disposing a broken engine may abort; the whole engine is dropped instead.
      if (state.broken) return;
      inside.tick?.dispose();
      timers?.dispose();
      context.dispose();
      runtime.dispose();
    },
  };
  timers = realm.start('world.js', host);
  host.dispose();
  return realm;
}

/** What the world may call; the program itself never sees this object. */
function createHost(inside: Inside, outputBytes: number, stdin: string): QuickJSHandle {
  const { context, state } = inside;
  const host = context.newObject();
  const expose = (name: string, fn: (arg: QuickJSHandle) => undefined) => {
    context.newFunction(name, fn).consume((handle) => context.setProp(host, name, handle));
  };
  context.newString(stdin).consume((handle) => context.setProp(host, 'stdin', handle));
  expose('write', (text) => {
    if (state.stopped) return undefined;
    state.output += context.getString(text);
    if (state.output.length <= outputBytes) return undefined;
    state.stopped = 'output';
    throw new Error('the output is too long');
  });
  expose('exit', (code) => {
    state.stopped ??= 'exit';
    state.exitCode = context.getNumber(code);
    throw new Error('the program has left'); // Unwinds now; the interrupt handler would stop it later.
  });
  expose('tick', (fn) => {
    inside.tick ??= fn.dup();
    return undefined;
  });
  return host;
}

/** Runs `work` unless the program has ended; an exception of the engine itself marks it as broken. */
function guard<T>(state: RealmState, work: () => T): T | undefined {
  if (state.broken || state.stopped || state.thrown !== undefined) return undefined;
  try {
    return work();
  } catch (cause) {
    state.broken = true;
    state.thrown = cause instanceof Error ? cause.message : String(cause);
    return undefined;
  }
}

type Result = { readonly error: QuickJSHandle } | { readonly error?: undefined; readonly value: QuickJSHandle };

/** The value, or undefined after recording what was thrown. */
function unwrap(inside: Inside, result: Result): QuickJSHandle | undefined {
  if (result.error === undefined) return result.value;
  result.error.consume((error) => recordThrown(inside, error));
  return undefined;
}

function recordThrown({ context, state }: Inside, error: QuickJSHandle): void {
  if (state.stopped) return;
  const dumped: unknown = context.dump(error);
  if (typeof dumped !== 'object' || dumped === null) {
    state.thrown = String(dumped);
    return;
  }
  const { name, message } = dumped as { readonly name?: unknown; readonly message?: unknown };
  state.thrown = `${String(name ?? 'Error')}: ${String(message ?? '')}`;
}

/** Runs pending promises. False if that failed. */
function runJobs(inside: Inside): boolean {
  const { error } = inside.runtime.executePendingJobs();
  error?.consume((handle) => recordThrown(inside, handle));
  return error === undefined;
}

/** Runs pending promises, then the next timer. True while there may be more to do. */
function settleOnce(inside: Inside): boolean {
  const { context, state, tick } = inside;
  if (!runJobs(inside) || !tick || state.stopped) return false;
  const more = unwrap(inside, context.callFunction(tick, context.undefined));
  return more?.consume((handle) => context.dump(handle) === true) ?? false;
}

/** What happened to a program that did not end normally; undefined if it did. */
export function abnormalEnd(state: RealmState): Outcome | undefined {
  if (state.stopped === 'output') return { outcome: 'crash', detail: 'stopped at its limit on output' };
  if (state.stopped === 'exit') {
    return state.exitCode === 0 ? undefined : { outcome: 'crash', detail: `exit status ${state.exitCode}` };
  }
  if (state.thrown === undefined) return undefined;
  return { outcome: /out of memory/.test(state.thrown) ? 'memory' : 'crash', detail: clip(state.thrown) };
}
