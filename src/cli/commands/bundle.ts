import { exportRun } from '../../runs/bundle/export.js';
import { importRun } from '../../runs/bundle/import.js';
import { interruptible } from '../interrupt.js';
import { examples, jsonOption, type Register } from '../options.js';
import { print, say, toJson } from '../output.js';

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

export async function importBundle(
  file: string,
  folder: string,
  { json, trust = false }: { json?: boolean; trust?: boolean },
): Promise<void> {
  const imported = await interruptible((signal) => importRun(file, folder, { trust, signal }));
  for (const note of imported.notes) say(`note: ${note}`);
  if (json) return print(toJson({ event: 'imported', ...imported }));
  print(`${imported.run}: ${total(imported.records)} records in ${folder}, every digest as exported`);
}

const total = (records: Readonly<Record<string, number>>): number =>
  Object.values(records).reduce((sum, count) => sum + count, 0);

export const registerBundle: Register = (rlsd) => {
  rlsd
    .command('export <run> <file>')
    .description('write a run into one file, to move it to another machine')
    .option('--without-privileged', 'leave out references and documents, and the files that contain them')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd export runs/a a.rlsd'], ['rlsd export runs/a a.rlsd --without-privileged']))
    .action(exportBundle);
  rlsd
    .command('import <file> <folder>')
    .description('create a run folder from an exported file')
    .option('--trust', "allow the modules, services and secrets that the bundle's pipeline names")
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd import a.rlsd runs/a']))
    .action(importBundle);
};
