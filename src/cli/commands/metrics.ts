import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { writeCsv } from '../../runs/metrics/csv.js';
import { type Exported, requireMetrics } from '../../runs/metrics/exported.js';
import { writeMlflow } from '../../runs/metrics/mlflow.js';
import { writeParquet } from '../../runs/metrics/parquet.js';
import { figureNames, type MetricRow, readMetrics, stepRows } from '../../runs/metrics/read.js';
import { writeTensorboard } from '../../runs/metrics/tensorboard.js';
import { writeWandb } from '../../runs/metrics/wandb.js';
import { nearest, UserError } from '../../support/errors.js';
import { collect, examples, jsonOption, type Register } from '../options.js';
import { print, table, toJson } from '../output.js';

interface Options {
  readonly figure?: readonly string[];
  readonly csv?: string;
  readonly parquet?: string;
  readonly tensorboard?: string;
  readonly mlflow?: string;
  readonly wandb?: string;
  readonly json?: boolean;
}

/** Figures that a terminal shows by default, where the run has them. */
const main = ['learn/reward', 'learn/correct', 'learn/loss', 'learn/gradientNorm', 'learn/length', 'evaluate/accuracy'];

export async function metrics(folder: string, options: Options): Promise<void> {
  const { log, manifest } = await openRunFolder(folder);
  const rows = await readMetrics(log).finally(() => log.close());
  const written = await write({ manifest, rows }, folder, options);
  if (written.length === 0) return options.json ? rows.forEach(printRow) : print(text(rows, options.figure));
  for (const path of written) print(options.json ? toJson({ event: 'metrics', path }) : path);
}

const printRow = (row: MetricRow): void => print(toJson({ event: 'metrics', ...row }));

/** @returns what was written */
async function write(run: Exported, folder: string, options: Options): Promise<string[]> {
  const { csv, parquet, tensorboard, mlflow, wandb } = options;
  const { rows } = run;
  const written: string[] = [];
  if ([csv, parquet, tensorboard, mlflow, wandb].some((one) => one !== undefined)) requireMetrics(rows, folder);
  if (csv !== undefined) {
    writeCsv(rows, csv);
    written.push(csv);
  }
  if (parquet !== undefined) {
    await writeParquet(rows, parquet);
    written.push(parquet);
  }
  if (tensorboard !== undefined) written.push(await writeTensorboard(run, tensorboard));
  if (mlflow !== undefined) written.push(writeMlflow(run, mlflow));
  if (wandb !== undefined) written.push(await writeWandb(run, wandb));
  return written;
}

function text(rows: readonly MetricRow[], wanted: readonly string[] | undefined): string {
  const names = figureNames(rows);
  if (rows.length === 0) return 'no metrics yet';
  for (const name of wanted ?? []) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new UserError(
      'unknown-figure',
      `--figure ${name}: the run has no such figure; ` +
        `${near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`}`,
    );
  }
  const columns = wanted ?? main.filter((name) => names.includes(name));
  const cells = stepRows(rows).map(({ step, values }) => [
    step,
    ...columns.map((name) => {
      const value = values.get(name);
      return value === undefined ? '' : Number(value.toPrecision(4));
    }),
  ]);
  return table(
    ['step', ...columns],
    cells.filter(([, ...figures]) => figures.some((one) => one !== '')),
  );
}

export const registerMetrics: Register = (rlsd) => {
  rlsd
    .command('metrics <run>')
    .description('print or export the figures of a run, step by step')
    .option('--figure <name>', 'a figure to print, such as learn/loss (repeatable)', collect)
    .option('--csv <file>', 'write one line per step')
    .option('--parquet <file>', 'write one row per step')
    .option('--tensorboard <dir>', 'write an event file for TensorBoard')
    .option('--mlflow <dir>', 'write into an MLflow file store, such as mlruns')
    .option('--wandb <dir>', 'write an offline run for W&B')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd metrics runs/arithmetic-1'],
        ['rlsd metrics runs/arithmetic-1 --figure learn/kl --figure evaluate/accuracy'],
        ['rlsd metrics runs/arithmetic-1 --csv metrics.csv --parquet metrics.parquet'],
        ['rlsd metrics runs/arithmetic-1 --tensorboard tb', 'then: tensorboard --logdir tb'],
        [
          'rlsd metrics runs/arithmetic-1 --mlflow mlruns',
          'then: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri mlruns',
        ],
        ['rlsd metrics runs/arithmetic-1 --wandb wandb', 'then: wandb sync wandb/offline-run-*'],
      ),
    )
    .action(metrics);
};
