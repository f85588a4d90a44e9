import { resolve } from 'node:path';
import { Option } from 'commander';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import { isExternal, type Plan, stagesWith } from '../../pipelines/plan/plan.js';
import { stageDefinitions } from '../../pipelines/stages/registry.js';
import { type Extension, extendRun, withExtension } from '../../runs/manifest/extend.js';
import { readManifest } from '../../runs/manifest/manifest.js';
import { runPipeline, type Summary } from '../../runs/run.js';
import { nearest, UserError } from '../../support/errors.js';
import { localStore } from '../../topics/registry.js';
import { interruptible } from '../interrupt.js';
import { examples, jsonOption, nonNegativeInteger, positiveInteger, type Register, setOption } from '../options.js';
import { say } from '../output.js';
import { reporter } from '../progress.js';
import { hasNoSignal, signalText } from '../summary-text.js';
import { newFolder, readPlan } from './check.js';

interface Options {
  readonly run?: string;
  readonly stage?: readonly string[];
  readonly join?: boolean;
  readonly stay?: boolean;
  readonly steps?: number;
  readonly seed?: number;
  readonly set?: readonly string[];
  readonly json?: boolean;
  readonly requireSignal?: boolean;
}

export async function run(file: string, options: Options): Promise<void> {
  const sets = [
    ...(options.set ?? []),
    ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
    ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
  ];
  const folder = options.run === undefined ? undefined : resolve(options.run);
  const plan = await readPlan(file, sets, (spec) => (folder === undefined ? spec : withExtension(spec, folder)));
  checkStages(plan, options.stage);
  await execute(plan, folder ?? resolve(newFolder(plan.spec.pipeline)), options);
}

function checkStages(plan: Plan, stages: readonly string[] = []): void {
  const names = plan.stages.map(({ name }) => name);
  for (const name of stages) {
    const found = plan.stages.find((stage) => stage.name === name);
    if (found && isExternal(plan, found))
      throw new UserError('bad-request', `--stage ${name}: learn.external leaves it to another learner`);
    if (found) continue;
    const near = nearest(name, names);
    throw new UserError(
      'unknown-stage',
      `--stage ${name}: the plan has no such stage; ` +
        `${near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`}`,
    );
  }
}

type ResumeOptions = Omit<Options, 'run' | 'seed' | 'set'>;

export async function resume(folder: string, options: ResumeOptions): Promise<void> {
  refuseUnresumable(folder);
  if (options.steps !== undefined) {
    const extension = await extendRun(folder, options.steps, options.join);
    if (extension) say(extensionText(folder, extension));
  }
  const { spec, folder: base } = readManifest(folder);
  const plan = await loadPlan(spec, base);
  checkStages(plan, options.stage);
  await execute(plan, resolve(folder), options);
}

function extensionText(folder: string, { was, steps, step }: Extension): string {
  const { learn } = readManifest(folder).spec;
  const schedule =
    learn?.schedule === 'constant'
      ? ''
      : `; from step ${step + 1} the learning rate is that of a run of ${steps} steps`;
  return `${folder}: ${steps} steps instead of ${was}${schedule}`;
}

function refuseUnresumable(folder: string): void {
  const { parent, bundle } = readManifest(folder);
  if (parent)
    throw new UserError(
      'is-replay',
      `${folder}: is a replay of ${parent.folder} and cannot be resumed; repeat the replay into a new folder`,
    );
  if (bundle && bundle.from !== localStore)
    throw new UserError(
      'is-imported',
      `${folder}: was imported from another topic store (${bundle.from}), to be read and replayed; resume it there`,
    );
  if (bundle?.privileged === false)
    throw new UserError(
      'privileged-gone',
      `${folder}: was exported without its privileged content, which resuming needs; export it again with that ` +
        'content, or resume the original run',
    );
}

async function execute(
  plan: Plan,
  folder: string,
  { stage, join, stay, json, requireSignal }: Pick<Options, 'stage' | 'join' | 'stay' | 'json' | 'requireSignal'>,
): Promise<void> {
  if (requireSignal) checkKnowsSignal(plan, stage);
  const report = reporter(plan, json ?? false);
  try {
    const summary = await interruptible((signal) =>
      runPipeline({
        plan,
        folder,
        signal,
        onEvent: report.event,
        ...(stage && { stages: stage }),
        ...(join && { join }),
        ...(stay && { stay }),
      }),
    );
    if (requireSignal) refuseNoSignal(summary);
  } finally {
    report.end();
  }
}

/** Only the process with the last stage knows whether there was anything to learn. */
function checkKnowsSignal(plan: Plan, stages: readonly string[] | undefined): void {
  const [trainer = plan.stages.at(-1)] = stagesWith(plan, 'trainer');
  if (!trainer) return;
  const isHere = stages === undefined ? !isExternal(plan, trainer) : stages.includes(trainer.name);
  if (isHere) return;
  throw new UserError(
    'bad-request',
    `--require-signal: found ${stages ? `--stage ${stages.join(' ')}` : 'learn.external'}; expected it where stage ` +
      `${trainer.name} runs, which ` +
      'knows the training signal',
  );
}

function refuseNoSignal({ signal }: Summary): void {
  if (signal && hasNoSignal(signal)) throw new UserError('no-signal', `--require-signal: ${signalText(signal)}`);
}

const stageNames = stageDefinitions.map(({ name }) => name);

const stageOption = (): Option =>
  new Option(
    '--stage <name...>',
    `run only these stages: ${stageNames.join(', ')}, or a transform such as verdicts.half-marks`,
  );

const joinOption = (): Option =>
  new Option('--join', 'take part in the run of this name on the cluster, also if it was begun from another folder');

const stayOption = (): Option =>
  new Option('--stay', 'at the end of the run, stay until a signal: under what restarts every process that exits');

const requireSignalOption = (): Option =>
  new Option(
    '--require-signal',
    'exit with 3 if nothing could be learned: no group had a signal, or no weight changed',
  );

export const registerRun: Register = (rlsd) => {
  rlsd
    .command('run <pipeline.yaml>')
    .description('run a pipeline, or some of its stages')
    .option('--run <folder>', 'run folder (default: a new one under runs/)')
    .addOption(stageOption())
    .addOption(joinOption())
    .addOption(stayOption())
    .option('--steps <n>', 'training steps, from 1', positiveInteger)
    .option('--seed <n>', 'random seed, from 0', nonNegativeInteger)
    .addOption(setOption())
    .addOption(requireSignalOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd run examples/arithmetic.yaml'],
        ['rlsd run pipeline.yaml --steps 100 --set learn.lr=1e-5', 'override settings'],
        ['rlsd run pipeline.yaml --run runs/a --stage verify', 'one stage, on a Kafka cluster'],
      ),
    )
    .action(run);
  rlsd
    .command('resume <run>')
    .description('resume an interrupted run, or give a run more steps')
    .option('--steps <n>', 'more training steps than the run has so far', positiveInteger)
    .addOption(stageOption())
    .addOption(joinOption())
    .addOption(stayOption())
    .addOption(requireSignalOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd resume runs/arithmetic-1', 'after Ctrl-C, or a crash'],
        ['rlsd resume runs/arithmetic-1 --steps 60', 'continue a finished run of 30 steps'],
      ),
    )
    .action(resume);
};
