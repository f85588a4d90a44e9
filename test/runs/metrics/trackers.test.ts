import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import type { Exported } from '../../../src/runs/metrics/exported.js';
import { writeMlflow } from '../../../src/runs/metrics/mlflow.js';
import { readMetrics } from '../../../src/runs/metrics/read.js';
import { writeTensorboard } from '../../../src/runs/metrics/tensorboard.js';
import { writeWandb } from '../../../src/runs/metrics/wandb.js';
import { lacks, trackersFolder } from '../../needs.js';
import { newTinyFolder, tinyRun } from '../tiny-run.js';

let base: string;
let exported: Exported;
/** Loss by step. */
let losses: [step: number, loss: number | undefined][];
beforeAll(async () => {
  base = newTinyFolder();
  const { folder } = await tinyRun(base, 'run', { steps: 2 });
  const { log, manifest } = await openRunFolder(folder);
  exported = { manifest, rows: await readMetrics(log) };
  await log.close();
  losses = exported.rows.filter(({ stage }) => stage === 'learn').map(({ step, values }) => [step, values.loss]);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Output of a program of the virtual environment. */
async function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(join(trackersFolder, 'bin', program), args, {
    env: { ...process.env, HOME: base, MLFLOW_DISABLE_TELEMETRY: 'true', WANDB_ERROR_REPORTING: 'false', ...env },
  });
  return stdout;
}

it('an MLflow run has one file per figure and one per setting', () => {
  const folder = writeMlflow(exported, join(base, 'mlruns'));
  const lines = exported.rows
    .filter(({ stage }) => stage === 'learn')
    .map(({ time, values, step }) => `${time} ${values.loss} ${step}\n`);
  expect(readFileSync(join(folder, 'metrics/learn/loss'), 'utf8')).toBe(lines.join(''));
  expect(readFileSync(join(folder, 'params/learn.lr'), 'utf8')).toBe('0.01');
});

/** W&B's service, as far as an upload needs it; keeps what it is sent. */
async function wandbService() {
  const sent = { history: [] as string[], config: '', summary: '', isComplete: false };
  const bucket = { id: 'r', name: 'r', displayName: 'r', project: { name: 'tiny', entity: { name: 'me' } } };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { variables, files, complete } = JSON.parse(text || '{}');
    if (variables?.config) sent.config = variables.config;
    for (const line of files?.['wandb-history.jsonl']?.content ?? []) sent.history.push(line);
    for (const line of files?.['wandb-summary.json']?.content ?? []) sent.summary = line;
    sent.isComplete ||= complete === true;
    const created = { runID: 'r', uploadHeaders: [], files: [] };
    const data = { upsertBucket: { bucket, inserted: true }, createRunFiles: created };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { sent, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe.skipIf(await lacks('trackers'))('programs that read what was exported', () => {
  it('wandb sync uploads settings, history and summary, also of a run that was exported again', async () => {
    const folder = await writeWandb(exported, join(base, 'wandb'));
    for (let time = 0; time < 2; time++) {
      const { sent, url } = await wandbService();
      await run('wandb', ['sync', folder], { WANDB_BASE_URL: url, WANDB_API_KEY: '0'.repeat(40) });
      const history = sent.history.map((line) => JSON.parse(line));
      expect(history.map((row) => row._step)).toEqual([0, 1, 2]);
      const found = history.filter((row) => 'learn/loss' in row).map((row) => [row._step, row['learn/loss']]);
      expect(found).toEqual(losses);
      expect(JSON.parse(sent.config)).toMatchObject({ learn: { value: { lr: 0.01 } }, pipeline: { value: 'tiny' } });
      expect(JSON.parse(sent.summary)).toMatchObject({ 'learn/loss': losses.at(-1)?.[1] });
      expect(sent.isComplete).toBe(true);
      await writeWandb(exported, join(base, 'wandb'));
    }
  });

  it('TensorBoard loads the figures', async () => {
    const program = `
import json, sys
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
values = [(e.step, v) for e in EventFileLoader(sys.argv[1]).Load() for v in e.summary.value if v.tag == 'learn/loss']
print(json.dumps([[step, v.tensor.float_val[0] if v.tensor.float_val else 0] for step, v in values]))`;
    const file = await writeTensorboard(exported, join(base, 'tb'));
    const found = JSON.parse(await run('python', ['-c', program, file]));
    expect(found).toEqual(losses.map(([step, loss]) => [step, expect.closeTo(loss ?? Number.NaN, 5)]));
  });

  it('MLflow finds the run with its figures and settings', async () => {
    const program = `
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
[experiment] = client.search_experiments()
[run] = client.search_runs([experiment.experiment_id])
history = client.get_metric_history(run.info.run_id, 'learn/loss')
print(json.dumps({'names': [experiment.name, run.info.run_name], 'lr': run.data.params['learn.lr'],
  'losses': [[m.step, m.value] for m in history]}))`;
    writeMlflow(exported, join(base, 'mlflow'));
    const found = await run('python', ['-c', program, join(base, 'mlflow')], { MLFLOW_ALLOW_FILE_STORE: 'true' });
    expect(JSON.parse(found)).toEqual({ names: ['tiny', exported.manifest.run], lr: '0.01', losses });
  });
});
