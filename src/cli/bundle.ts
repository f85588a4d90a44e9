import { exportRun } from '../runs/bundle/export.js';
import { importRun } from '../runs/bundle/import.js';
import { print, say, toJson } from './output.js';

export async function exportBundle(
  run: string,
  file: string,
  { withoutPrivileged = false, json }: { withoutPrivileged?: boolean; json?: boolean },
): Promise<void> {
  const exported = await exportRun(run, { to: file, withoutPrivileged });
  for (const note of exported.notes) say(`note: ${note}`);
  if (json) return print(toJson({ event: 'exported', ...exported }));
  print(`${exported.run}: ${total(exported.records)} records, ${(exported.bytes / 2 ** 20).toFixed(1)} MiB in ${file}`);
}

export async function importBundle(file: string, folder: string, { json }: { json?: boolean }): Promise<void> {
  const imported = await importRun(file, folder);
  for (const note of imported.notes) say(`note: ${note}`);
  if (json) return print(toJson({ event: 'imported', ...imported }));
  print(`${imported.run}: ${total(imported.records)} records in ${folder}, every digest as exported`);
}

const total = (records: Readonly<Record<string, number>>): number =>
  Object.values(records).reduce((sum, count) => sum + count, 0);
