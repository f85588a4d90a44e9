import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSWASMModule, RELEASE_SYNC } from 'quickjs-emscripten';
import type { Limits } from '../../sandbox/limits.js';

// WebAssembly memory only grows, so a greedy program would leave its peak behind. Above this, the next program gets a
// new engine.
const KEEP_BYTES = 48 * 1024 * 1024;
const PAGE_BYTES = 65_536;
// The engine's initial memory, and the most that it can address.
const MIN_PAGES = 256;
const MAX_PAGES = 32_768;

interface Memory {
  readonly buffer: ArrayBuffer;
}

// Missing from Node's type definitions.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<unknown>;
  Memory: new (pages: { readonly initial: number; readonly maximum: number }) => Memory;
};

let compiled: Promise<unknown> | undefined;

/**
 * A new QuickJS engine with its own WebAssembly memory of at most `memoryBytes`; nothing of any other program is in it.
 * QuickJS's own memory accounting does not work in WebAssembly, so the limit is on the WebAssembly memory.
 */
export function newEngine({ memoryBytes }: Pick<Limits, 'memoryBytes'>): Promise<QuickJSWASMModule> {
  compiled ??= (async () => {
    const require = createRequire(createRequire(import.meta.url).resolve('quickjs-emscripten'));
    const variant = require.resolve('@jitl/quickjs-wasmfile-release-sync');
    return WebAssembly.compile(await readFile(createRequire(variant).resolve('./emscripten-module.wasm')));
  })();
  const wasmModule = compiled;
  const maximum = Math.min(MAX_PAGES, Math.max(MIN_PAGES, Math.floor(memoryBytes / PAGE_BYTES)));
  const wasmMemory = new WebAssembly.Memory({ initial: MIN_PAGES, maximum });
  return newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmModule: () => wasmModule, wasmMemory }));
}

let idle: { readonly engine: QuickJSWASMModule; readonly memoryBytes: number } | undefined;

/**
 * Runs `work` with an engine that no program has damaged, and keeps the engine for the next program if it is intact and
 * small.
 */
export async function withEngine(
  { memoryBytes }: Limits,
  work: (engine: QuickJSWASMModule) => { readonly broken: boolean },
): Promise<void> {
  const engine = idle?.memoryBytes === memoryBytes ? idle.engine : await newEngine({ memoryBytes });
  idle = undefined;
  const { broken } = work(engine);
  if (!broken && engine.getWasmMemory().buffer.byteLength <= KEEP_BYTES) idle = { engine, memoryBytes };
}
