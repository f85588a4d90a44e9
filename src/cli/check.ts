import { UserError } from '../errors.js';
import { checkPlan } from '../pipelines/check.js';
import { loadThrough } from '../pipelines/load-through.js';
import { runName } from '../pipelines/open-log.js';
import { readSpec } from '../pipelines/parse.js';
import { type Plan, planOf } from '../pipelines/plan.js';
import { print, say, toJson } from './output.js';

/** The plan of a pipeline file with overrides. */
export async function readPlan(file: string, sets: readonly string[] = []): Promise<Plan> {
  const { spec, folder } = readSpec(file, sets);
  return planOf(spec, folder, await loadThrough(spec, folder));
}

export async function check(file: string, options: { run?: string; set?: string[]; json?: boolean }): Promise<void> {
  const problems = await readPlan(file, options.set)
    .then((plan) => checkPlan(plan, options.run === undefined ? undefined : runName(options.run)))
    .catch((error) => {
      if (!(error instanceof UserError)) throw error;
      return error.message.split('\n');
    });
  if (options.json) print(toJson({ event: 'check', ok: problems.length === 0, problems }));
  else if (problems.length === 0) print(`${file}: fine`);
  else for (const problem of problems) say(problem.includes(file) ? problem : `${file}: ${problem}`);
  if (problems.length > 0) process.exitCode = 2;
}
