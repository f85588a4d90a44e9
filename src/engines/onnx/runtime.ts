import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { UserError } from '../../support/errors.js';

/** ONNX Runtime's module. */
export type Runtime = typeof Ort;

/**
 * Loads ONNX Runtime at its first use. It is an optional dependency: its install script downloads CUDA libraries from
 * outside the package registry, and npm up to 11 leaves the package out where that download fails.
 * @throws {UserError} `onnxruntime-missing` with the command that installs it without the download
 */
export async function loadRuntime(load: () => Promise<Runtime> = () => import('onnxruntime-node')): Promise<Runtime> {
  try {
    return await load();
  } catch (cause) {
    throw isMissing(cause) ? missing(cause) : cause;
  }
}

/**
 * Finds ONNX Runtime without loading it, so that it is missed before work begins that needs it.
 * @throws {UserError} `onnxruntime-missing`, as `loadRuntime`
 */
export function requireRuntime(find: (name: string) => string = createRequire(import.meta.url).resolve): void {
  try {
    find('onnxruntime-node');
  } catch (cause) {
    throw isMissing(cause) ? missing(cause) : cause;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(ERR_)?MODULE_NOT_FOUND$/.test(String(error.code));

function missing(cause: unknown): UserError {
  const message =
    `the ONNX engine needs onnxruntime-node ${version()}, which is not installed: the package manager leaves it out ` +
    'where its install script cannot download CUDA libraries. Install it without them:\n' +
    `  ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@${version()}\n` +
    'or the same with "pnpm add" or "yarn add"';
  return Object.assign(new UserError('onnxruntime-missing', message), { cause });
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const { optionalDependencies } = manifest as { readonly optionalDependencies: Readonly<Record<string, string>> };
  const found = optionalDependencies['onnxruntime-node'];
  if (found === undefined) throw new Error('package.json: optionalDependencies does not name onnxruntime-node');
  return found;
}
