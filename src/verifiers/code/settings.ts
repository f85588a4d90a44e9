import { z } from 'zod';
import { check } from '../../support/check.js';
import { defaultLimits } from '../sandbox/limits.js';
import { requireSandbox } from '../sandbox/probe.js';
import { findToolchain, languageName, type Toolchain, toolchainOf } from '../sandbox/toolchains.js';

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

const limits = z.strictObject({
  seconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(defaultLimits.seconds)
    .describe('Seconds per test, of all processes together.'),
  memoryBytes: z
    .int()
    .min(32 * MEBIBYTE)
    .max(1024 * GIBIBYTE)
    .default(defaultLimits.memoryBytes)
    .describe('Memory of the whole process tree.'),
  processes: z.int().min(1).max(4096).default(defaultLimits.processes).describe('Processes and threads at once.'),
  files: z.int().min(16).max(65_536).default(defaultLimits.files).describe('Open files per process.'),
  fileBytes: z
    .int()
    .min(4096)
    .max(64 * GIBIBYTE)
    .default(defaultLimits.fileBytes)
    .describe('Size of all files together.'),
  outputBytes: z.int().min(1024).max(GIBIBYTE).default(defaultLimits.outputBytes).describe('Size of standard output.'),
});

const toolchain = z
  .strictObject({
    program: z.string().describe('Program to look up on the PATH.'),
    source: z.string().describe('File name that the completion is written to.'),
    compile: z
      .array(z.array(z.string()))
      .optional()
      .describe('Commands that leave one file called `program`. `{bin}` is the folder of the tool chain.'),
    run: z.array(z.string()).describe('Command that runs the program.'),
  })
  .transform(
    ({ program, source, run, compile }): Toolchain => ({
      program,
      source,
      run,
      ...(compile === undefined ? {} : { compile }),
      reserves: true,
    }),
  );

const lowerCaseKeys = <T>(byName: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(byName).map(([name, value]) => [name.toLowerCase(), value]));

/** Settings shared by the kinds that run or compile programs. */
export const programFields = {
  languages: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'Languages that a completion may be in. The first is assumed if neither the item nor the code block says.',
    ),
  block: z.enum(['last', 'first']).default('last').describe('Which code block counts.'),
  limits: limits.prefault({}).describe('What each program may use.'),
  toolchains: z
    .record(z.string(), toolchain)
    .default({})
    .describe('Tool chains of your own, by language: `{ zig: { program, source, compile, run } }`.'),
  unsafeWithoutSandbox: z
    .boolean()
    .default(false)
    .describe('Run programs with the rights of your user and resource limits alone.'),
};

const fields = z.strictObject(programFields);

/**
 * Resolves the languages. The order of the fields is part of the verifier's hash.
 *
 * @param otherwise the languages if the settings name none
 */
export function programSettings(
  { languages, block, limits, toolchains, unsafeWithoutSandbox }: z.output<typeof fields>,
  otherwise: readonly string[],
) {
  return {
    languages: languages?.map(languageName) ?? otherwise,
    toolchains: lowerCaseKeys(toolchains),
    block,
    limits,
    unsafeWithoutSandbox,
  };
}

export type ProgramSettings = ReturnType<typeof programSettings>;

export const codeSettings = z
  .strictObject({
    ...programFields,
    reward: z
      .enum(['all', 'fraction'])
      .default('all')
      .describe('`all`: 1 if every test passes, otherwise 0. `fraction`: the share of tests that pass.'),
    typeCheck: z.boolean().default(false).describe('TypeScript with type errors is incorrect.'),
  })
  .transform(({ reward, typeCheck, ...program }) => {
    const own = Object.keys(lowerCaseKeys(program.toolchains));
    return { ...programSettings(program, ['python', 'javascript', 'typescript', ...own]), reward, typeCheck };
  });

export type CodeSettings = z.output<typeof codeSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readCodeSettings = (value: unknown, where: string): CodeSettings => check(codeSettings, value, where);

const inEngine = (language: string): boolean => language === 'javascript' || language === 'typescript';

/** Checks, before the first completion, that this machine can run every language of the settings. */
export async function checkMachine(settings: ProgramSettings): Promise<void> {
  const installed = settings.languages.filter((language) => !inEngine(language));
  if (installed.length === 0) return;
  for (const language of installed) toolchainOf(language, settings.toolchains);
  if (!settings.unsafeWithoutSandbox) await requireSandbox();
  for (const language of installed) await findToolchain(language, settings.toolchains);
}
