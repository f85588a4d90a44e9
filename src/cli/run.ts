import { resolve } from 'node:path';
import { loadPlan } from '../pipelines/load-method.js';
import type { Plan } from '../pipelines/plan.js';
import { readManifest } from '../runs/manifest/manifest.js';
import { runPipeline } from '../runs/run.js';
import { nearest, UserError } from '../support/errors.js';
import { newFolder, readPlan } from './check.js';
import { reporter } from './progress.js';

interface Options {
  readonly run?: string;
  readonly stage?: readonly string[];
  readonly steps?: number;
  readonly seed?: number;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export async function run(file: string, options: Options): Promise<void> {
  const sets = [
    ...(options.set ?? []),
    ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
    ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
  ];
  const plan = await readPlan(file, sets);
  const names = plan.stages.map(({ name }) => name);
  for (const name of options.stage ?? []) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new UserError(
      'unknown-stage',
      `--stage ${name}: the plan has no such stage; ${near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`}`,
    );
  }
  await execute(plan, resolve(options.run ?? newFolder(plan.spec.pipeline)), options);
}

export async function resume(folder: string, options: { json?: boolean }): Promise<void> {
  const { spec, folder: base, parent, bundle } = readManifest(folder);
  if (parent)
    throw new UserError(
      'is-replay',
      `${folder}: is a replay of ${parent.folder}, which is not resumed; do the replay again into a new folder`,
    );
  if (bundle?.from === 'kafka')
    throw new UserError(
      'is-imported',
      `${folder}: is a run of a cluster, brought here to be read and replayed; go on with it there`,
    );
  if (bundle?.privileged === false)
    throw new UserError(
      'privileged-gone',
      `${folder}: came without its privileged content, which going on needs; export it with it, or go on where it came from`,
    );
  await execute(await loadPlan(spec, base), resolve(folder), options);
}

async function execute(plan: Plan, folder: string, { stage, json }: Pick<Options, 'stage' | 'json'>): Promise<void> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const report = reporter(plan, json ?? false);
  try {
    await runPipeline({
      plan,
      folder,
      signal: abort.signal,
      onEvent: report.event,
      ...(stage && { stages: stage }),
    });
  } finally {
    report.end();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
