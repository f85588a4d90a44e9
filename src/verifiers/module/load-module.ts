import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { check } from '../../support/check.js';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import type { Question } from '../verifier.js';
import { type ModuleSettings, moduleFields } from './settings.js';

/** What a module exports: it returns a judgement, true or false, or a reward from 0 to 1. */
export type JudgeFunction = (question: Question, settings: unknown) => unknown;

export interface LoadedModule {
  readonly judge: JudgeFunction;
  /** The module's own settings, checked by its export `settings`. */
  readonly settings: unknown;
}

/** Content hash of the module. @throws {UserError} `module-missing` */
export function moduleHash({ module }: ModuleSettings, where: string): string {
  try {
    return digest(readFileSync(module));
  } catch {
    throw new UserError(
      'module-missing',
      `${where}.module: found no file ${module}, expected a JavaScript or TypeScript module`,
    );
  }
}

/**
 * Loads the module and checks the settings that are its own.
 *
 * @throws {UserError} if it cannot be loaded, does not export the function, or refuses a setting
 */
export async function loadModule(settings: ModuleSettings, where = 'module'): Promise<LoadedModule> {
  const { module, name } = settings;
  const exported = await exportsOf(module, where);
  const found = exported[name];
  if (typeof found === 'function') {
    return { judge: found as JudgeFunction, settings: ownSettings(exported.settings, settings, where) };
  }
  const functions = Object.keys(exported).filter((key) => typeof exported[key] === 'function');
  const near = nearest(name, functions);
  throw new UserError(
    'function-missing',
    `${where}.name: ${module} exports no function "${name}", ` +
      `expected one of ${functions.join(', ') || '(it exports none)'}${near ? `; did you mean "${near}"?` : ''}`,
  );
}

/** A module may use another copy of zod, so its schema is recognized by its shape. */
function ownSettings(schema: unknown, { module, own }: ModuleSettings, where: string): unknown {
  if (isSchema(schema)) return check(schema, own, where);
  const [first] = Object.keys(own);
  if (first === undefined) return {};
  const near = nearest(first, moduleFields);
  throw new UserError(
    'unknown-field',
    `${where}.${first}: unknown field, expected one of ${moduleFields.join(', ')}` +
      `${near ? `; did you mean "${near}"?` : ''} (${module} exports no settings)`,
  );
}

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === 'object' && value !== null && 'safeParse' in value && typeof value.safeParse === 'function';

async function exportsOf(module: string, where: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(await urlOf(module));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('module-failed', `${where}.module: ${module} cannot be loaded: ${message}`);
  }
}

async function urlOf(module: string): Promise<string> {
  const { href } = pathToFileURL(module);
  if (!/\.[cm]?ts$/.test(module)) return href;
  const { default: ts } = await import('typescript');
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(readFileSync(module, 'utf8'), { compilerOptions, fileName: module });
  return `data:text/javascript,${encodeURIComponent(withAbsoluteImports(outputText, href))}`;
}

/** A module in a `data:` URL has no place of its own that a relative import could start from. */
const withAbsoluteImports = (code: string, base: string): string =>
  code.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\2/g,
    (_, before, quote, path) => `${before}${quote}${new URL(path, base).href}${quote}`,
  );
