import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { digest } from '../../support/digest.js';
import type { Exported } from './exported.js';
import { figureName } from './read.js';

/** Settings as `learn.lr: 0.01`. */
function flat(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => flat(inner, path === '' ? name : `${path}.${name}`));
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Characters that MLflow takes in the value of a parameter. */
const PARAMETER = 6000;

/** MLflow takes letters, digits and `_-. /` in names of metrics and parameters. */
const mlflowName = (name: string): string => name.replaceAll(/[^\w\-. /]/g, '_');

/**
 * A run in an MLflow file store (`mlflow ui --backend-store-uri DIR`), in the experiment that is called after the
 * pipeline. Writing it again replaces it. @returns the run's folder
 */
export function writeMlflow({ manifest, rows }: Exported, folder: string): string {
  const { run, spec } = manifest;
  const experiment = BigInt(`0x${digest('experiment', spec.pipeline).slice(0, 15)}`).toString();
  const id = digest('run', run).slice(0, 32);
  const [home, place] = [join(folder, experiment), join(folder, experiment, id)];
  const times = rows.map(({ time }) => time);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  const meta = (file: string, content: object) => put(join(file, 'meta.yaml'), stringify(content));
  if (!existsSync(join(home, 'meta.yaml')))
    meta(home, {
      artifact_location: pathToFileURL(home).href,
      ...{ creation_time: start, experiment_id: experiment, last_update_time: start },
      ...{ lifecycle_stage: 'active', name: spec.pipeline },
    });
  meta(place, {
    artifact_uri: pathToFileURL(join(place, 'artifacts')).href,
    ...{ end_time: end, entry_point_name: '', experiment_id: experiment, lifecycle_stage: 'active', run_id: id },
    ...{ run_name: run, run_uuid: id, source_name: 'rlsd', source_type: 4, source_version: '', start_time: start },
    ...{ status: 3, tags: [], user_id: userInfo().username },
  });
  // Without a folder of artifacts it is no run to MLflow.
  mkdirSync(join(place, 'artifacts'), { recursive: true });
  put(join(place, 'tags', 'mlflow.runName'), run);
  for (const [name, value] of flat(spec))
    put(join(place, 'params', mlflowName(name)), shown(value).slice(0, PARAMETER));
  const series = new Map<string, string[]>();
  for (const row of rows)
    for (const [figure, value] of Object.entries(row.values)) {
      // A figure of a task is no folder next to the figure of all tasks.
      const name = mlflowName(figureName(row, figure.replaceAll('/', '.')));
      series.set(name, [...(series.get(name) ?? []), `${row.time} ${value} ${row.step}\n`]);
    }
  for (const [name, lines] of series) put(join(place, 'metrics', ...name.split('/')), lines.join(''));
  return place;
}

function put(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
