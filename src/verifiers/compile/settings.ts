import { z } from 'zod';
import { check } from '../../support/check.js';
import { programFields, programSettings } from '../code/settings.js';

export const compileSettings = z
  .strictObject({ ...programFields, strict: z.boolean().default(true).describe("TypeScript's `strict`.") })
  .transform(({ strict, ...program }) => ({ ...programSettings(program, ['typescript']), strict }));

export type CompileSettings = z.output<typeof compileSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readCompileSettings = (value: unknown, where: string): CompileSettings =>
  check(compileSettings, value, where);
