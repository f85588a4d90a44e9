import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { checkPlan } from '../pipelines/check.js';
import { loadThrough } from '../pipelines/load-through.js';
import { readSpec } from '../pipelines/parse.js';
import { type Plan, planOf } from '../pipelines/plan.js';
import { print, say, toJson } from './output.js';

/** The plan of a pipeline file with overrides. */
export async function readPlan(file: string, sets: readonly string[] = []): Promise<Plan> {
  const { spec, folder } = readSpec(file, sets);
  return planOf(spec, folder, await loadThrough(spec, folder));
}

/** The folder of a run that is given none: the first of runs/NAME-1, runs/NAME-2 … that is not there yet. */
export function newFolder(name: string): string {
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

export async function check(file: string, options: { run?: string; set?: string[]; json?: boolean }): Promise<void> {
  const problems = await readPlan(file, options.set)
    .then((plan) => checkPlan(plan, { runFolder: options.run ?? newFolder(plan.spec.pipeline) }))
    .catch((error) => {
      if (!(error instanceof UserError)) throw error;
      return error.message.split('\n');
    });
  if (options.json) print(toJson({ event: 'check', ok: problems.length === 0, problems }));
  else if (problems.length === 0) print(`${file}: fine`);
  else for (const problem of problems) say(problem.includes(file) ? problem : `${file}: ${problem}`);
  if (problems.length > 0) process.exitCode = 2;
}
