import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { digest } from '../../support/digest.js';
import { nearest, UserError } from '../../support/errors.js';
import { concealing } from '../conceal.js';
import { optional, readNumber, readObject, readString } from '../fields.js';
import { readJudgement } from '../judgement.js';
import type { Judgement, Question } from '../verifier.js';

export interface FunctionSettings {
  /** Absolute path of a JavaScript or TypeScript module. */
  readonly module: string;
  readonly name: string;
  /** CPU seconds of one call. */
  readonly seconds: number;
}

/** @param folder what a relative `module` is relative to; the working directory by default */
export function readFunctionSettings(value: unknown, where: string, folder = '.'): FunctionSettings {
  const fields = readObject(value, where, ['module', 'name', 'seconds']);
  return {
    module: resolve(folder, readString(fields, 'module', where)),
    name: optional(fields, 'name', () => readString(fields, 'name', where), 'default'),
    seconds: optional(fields, 'seconds', () => readNumber(fields, 'seconds', where, 0.05, 3600), 10),
  };
}

/** Content hash of the module; a `UserError` where it cannot be read. */
export function moduleHash(settings: FunctionSettings, where: string): string {
  try {
    return digest(readFileSync(settings.module));
  } catch {
    throw new UserError(
      'module-missing',
      `${where}.module: found no file ${settings.module}, expected a JavaScript or TypeScript module`,
    );
  }
}

type Judge = (question: Question) => unknown;
const loaded = new Map<string, Promise<Judge>>();

async function load({ module, name }: FunctionSettings, where = 'function'): Promise<Judge> {
  let url = pathToFileURL(module).href;
  if (/\.[cm]?ts$/.test(module)) {
    const { default: ts } = await import('typescript');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    const { outputText } = ts.transpileModule(readFileSync(module, 'utf8'), { compilerOptions, fileName: module });
    url = `data:text/javascript,${encodeURIComponent(absoluteImports(outputText, url))}`;
  }
  const exported = await exportsOf(url, module, where);
  const found = exported[name];
  if (typeof found === 'function') return found as Judge;
  const functions = Object.keys(exported).filter((key) => typeof exported[key] === 'function');
  const near = nearest(name, functions);
  throw new UserError(
    'function-missing',
    `${where}.name: ${module} exports no function "${name}", expected one of ${functions.join(', ') || '(it exports none)'}${near ? `; did you mean "${near}"?` : ''}`,
  );
}

async function exportsOf(url: string, module: string, where: string): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('module-failed', `${where}.module: ${module} cannot be loaded: ${message}`);
  }
}

/** Rejects with a `UserError` where the module cannot be loaded or has no such function. */
export async function checkFunction(settings: FunctionSettings, where: string): Promise<void> {
  await load(settings, where);
}

/** A module without a place of its own still finds what it imports by a relative path. */
const absoluteImports = (code: string, base: string): string =>
  code.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\2/g,
    (_, before, quote, path) => `${before}${quote}${new URL(path, base).href}${quote}`,
  );

/** Calls the user's function with the question; it returns a judgement, true or false, or a reward from 0 to 1. */
export async function judgeFunction(settings: FunctionSettings, question: Question): Promise<Judgement> {
  const key = `${settings.module}#${settings.name}`;
  const judge = loaded.get(key) ?? load(settings);
  loaded.set(key, judge);
  const call = await judge;
  const place = `the function ${settings.name} of ${settings.module}`;
  const judged = async (): Promise<Judgement> => {
    const found = await call(question);
    const value = typeof found === 'boolean' ? Number(found) : found;
    if (typeof value !== 'number' || value < 0 || value > 1) return readJudgement(value, place);
    const verdict = value === 1 ? 'correct' : 'incorrect';
    return { verdict, reward: value, reason: `the function ${settings.name} gives ${value}`, evidence: {} };
  };
  return concealing(question, judged, place);
}
