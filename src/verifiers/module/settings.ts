import { resolve } from 'node:path';
import { z } from 'zod';

const own = {
  name: z.string().default('default').describe('The export.'),
  seconds: z
    .number()
    .min(0.05)
    .max(3600)
    .default(10)
    .describe('CPU seconds of one call. After that the verdict is `timeout`.'),
};

/** `verify: { module: ./mine.mjs, … }`: the fields of the runner, and those that the module's own `settings` check. */
export const moduleSettings = z.looseObject({
  module: z.string().describe("JavaScript or TypeScript module, relative to the pipeline's file."),
  ...own,
});

export interface ModuleSettings {
  /** Absolute path. */
  readonly module: string;
  readonly name: string;
  readonly seconds: number;
  /** What the module's `settings` schema reads. */
  readonly own: Readonly<Record<string, unknown>>;
}

export function moduleSettingsOf(
  { module, name, seconds, ...own }: z.output<typeof moduleSettings>,
  folder: string,
): ModuleSettings {
  return { module: resolve(folder, module), name, seconds, own };
}

/** Names of the fields that every module has. */
export const moduleFields: readonly string[] = Object.keys(moduleSettings.shape);
