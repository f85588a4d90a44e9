import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { digest } from '../../support/digest.js';
import type { Exported } from './exported.js';
import { encoderOf } from './messages.js';
import { stepRows } from './read.js';
import { transactionLog } from './transaction-log.js';

/**
 * An offline run of W&B, which `wandb sync` uploads: settings as its configuration, figures as its history. Writing it
 * again replaces it. @returns the run's folder
 */
export async function writeWandb(exported: Exported, folder: string): Promise<string> {
  const id = digest('run', exported.manifest.run).slice(0, 8);
  const stamp = new Date(startOf(exported)).toISOString().replace(/[-:]/g, '').replace('T', '_').slice(0, 15);
  const place = join(folder, `offline-run-${stamp}-${id}`);
  const file = join(place, `run-${id}.wandb`);
  mkdirSync(place, { recursive: true });
  // `wandb sync` keeps files next to it that record how much was uploaded.
  for (const mark of ['synced', 'syncstate']) rmSync(`${file}.${mark}`, { force: true });
  const encode = await encoderOf('wandb.proto', 'Record');
  const records = wandbRecords(exported, id).map((record, i) => encode({ num: i + 1, ...record }));
  writeFileSync(file, transactionLog(records));
  return place;
}

const startOf = ({ rows }: Exported): number => Math.min(...rows.map(({ time }) => time));

const itemsOf = (values: object): { readonly key: string; readonly valueJson: string }[] =>
  Object.entries(values).map(([key, value]) => ({ key, valueJson: JSON.stringify(value) }));

/** In the order in which W&B itself writes them. */
function wandbRecords(exported: Exported, runId: string): Readonly<Record<string, unknown>>[] {
  const { run, spec, code } = exported.manifest;
  const start = startOf(exported);
  const history = stepRows(exported.rows).map(({ step, time, values }) => ({
    _step: step,
    _timestamp: time / 1000,
    _runtime: (time - start) / 1000,
    ...Object.fromEntries(values),
  }));
  const startTime = { seconds: Math.floor(start / 1000), nanos: (start % 1000) * 1e6 };
  const config = { update: itemsOf({ ...spec, code }) };
  const described = { runId, project: spec.pipeline, config, displayName: run, host: hostname(), startTime };
  const runtime = Math.round(history.at(-1)?._runtime ?? 0);
  return [
    { header: {} },
    { run: described },
    ...history.map((row) => ({ history: { item: itemsOf(row), step: { num: row._step } } })),
    { summary: { update: itemsOf(Object.assign({}, ...history)) } },
    { exit: { exitCode: 0, runtime } },
    { footer: {} },
  ];
}
