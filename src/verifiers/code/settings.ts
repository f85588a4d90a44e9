import { UserError } from '../../support/errors.js';
import {
  type Fields,
  optional,
  readBoolean,
  readChoice,
  readList,
  readNumber,
  readObject,
  readString,
  readStrings,
  readWhole,
} from '../fields.js';
import { defaultLimits, type Limits } from '../sandbox/limits.js';
import { requireSandbox } from '../sandbox/probe.js';
import { findToolchain, languageName, type Toolchain } from '../sandbox/toolchains.js';

/** Settings shared by the verifiers that run or compile programs. */
export interface ProgramSettings {
  /** Languages that a completion may be in. The first is meant where neither the task nor the code block says. */
  readonly languages: readonly string[];
  readonly block: 'last' | 'first';
  readonly limits: Limits;
  /** The user's own tool chains, by language. */
  readonly toolchains: Readonly<Record<string, Toolchain>>;
  readonly unsafeWithoutSandbox: boolean;
}

export interface CodeSettings extends ProgramSettings {
  /** `all`: 1 where every test passes, otherwise 0; `fraction`: the share of tests that pass. */
  readonly reward: 'all' | 'fraction';
  /** TypeScript that does not type-check is incorrect. */
  readonly typeCheck: boolean;
}

export const programFields = ['languages', 'block', 'limits', 'toolchains', 'unsafeWithoutSandbox'];
const MEBIBYTE = 1024 * 1024;

export function readProgramSettings(fields: Fields, where: string): ProgramSettings {
  const toolchains = optional(
    fields,
    'toolchains',
    () => readToolchains(readObject(fields.toolchains, `${where}.toolchains`), where),
    {},
  );
  const languages = optional(fields, 'languages', () => readStrings(fields, 'languages', where).map(languageName), [
    'python',
    'javascript',
    'typescript',
    ...Object.keys(toolchains),
  ]);
  if (languages.length === 0)
    throw new UserError('no-languages', `${where}.languages: found an empty list, expected at least one language`);
  return {
    languages,
    toolchains,
    block: optional(fields, 'block', () => readChoice(fields, 'block', where, ['last', 'first']), 'last'),
    limits: optional(fields, 'limits', () => readLimits(fields.limits, `${where}.limits`), defaultLimits),
    unsafeWithoutSandbox: optional(
      fields,
      'unsafeWithoutSandbox',
      () => readBoolean(fields, 'unsafeWithoutSandbox', where),
      false,
    ),
  };
}

export function readCodeSettings(value: unknown, where: string): CodeSettings {
  const fields = readObject(value, where, [...programFields, 'reward', 'typeCheck']);
  return {
    ...readProgramSettings(fields, where),
    reward: optional(fields, 'reward', () => readChoice(fields, 'reward', where, ['all', 'fraction']), 'all'),
    typeCheck: optional(fields, 'typeCheck', () => readBoolean(fields, 'typeCheck', where), false),
  };
}

function readLimits(value: unknown, where: string): Limits {
  const fields = readObject(value, where, Object.keys(defaultLimits));
  const read = (name: keyof Limits, least: number, most: number): number =>
    optional(fields, name, () => readWhole(fields, name, where, least, most), defaultLimits[name]);
  return {
    seconds: optional(fields, 'seconds', () => readNumber(fields, 'seconds', where, 0.1, 3600), defaultLimits.seconds),
    memoryBytes: read('memoryBytes', 32 * MEBIBYTE, 1024 ** 4),
    processes: read('processes', 1, 4096),
    files: read('files', 16, 65_536),
    fileBytes: read('fileBytes', 4096, 64 * 1024 ** 3),
    outputBytes: read('outputBytes', 1024, 1024 ** 3),
  };
}

function readToolchains(fields: Fields, where: string): Readonly<Record<string, Toolchain>> {
  return Object.fromEntries(
    Object.entries(fields).map(([language, value]) => {
      const name = `${where}.toolchains.${language}`;
      const one = readObject(value, name, ['program', 'source', 'compile', 'run']);
      const compile = optional(
        one,
        'compile',
        () =>
          readList(one, 'compile', name).map((step, index) =>
            readStrings({ step }, 'step', `${name}.compile[${index}]`),
          ),
        undefined,
      );
      return [
        language.toLowerCase(),
        {
          program: readString(one, 'program', name),
          source: readString(one, 'source', name),
          run: readStrings(one, 'run', name),
          ...(compile === undefined ? {} : { compile }),
          reserves: true,
        },
      ];
    }),
  );
}

const inEngine = (language: string): boolean => language === 'javascript' || language === 'typescript';

/** Looks, before the first completion, whether this machine can run every language that was asked for. */
export async function checkMachine(settings: ProgramSettings): Promise<void> {
  const installed = settings.languages.filter((language) => !inEngine(language));
  if (installed.length === 0) return;
  if (!settings.unsafeWithoutSandbox) await requireSandbox();
  for (const language of installed) await findToolchain(language, settings.toolchains);
}
