import { existsSync, readdirSync } from 'node:fs';
import { readModelFolder, writeModelFolder } from '../../../models/folder.js';
import { readAdapter } from '../../../models/lora/folder.js';
import { mergeAdapter } from '../../../models/lora/merge.js';
import { recordedDigestOf } from '../../../runs/weights/recorded.js';
import { writing } from '../../../support/disk.js';
import { UserError } from '../../../support/errors.js';
import { examples, jsonOption, type Register } from '../../options.js';
import { print, toJson } from '../../output.js';
import { modelUnder } from './adapter.js';

interface Options {
  readonly out: string;
  readonly base?: string;
  readonly json?: boolean;
}

async function merge(folder: string, { out, base: given, json }: Options): Promise<void> {
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new UserError('bad-request', `--out ${out}: the folder is not empty; expected a new one`);
  const digest = await recordedDigestOf(folder);
  const base = given ?? modelUnder(folder);
  const model = readModelFolder(base);
  const adapter = readAdapter(folder, model.config, digest);
  const parameters = mergeAdapter(model.parameters, adapter);
  const merged = writing(out, () => writeModelFolder(out, { ...model, parameters }));
  const { modules } = adapter.lora;
  if (json) print(toJson({ event: 'summary', base, out, modules: modules.length, digest: merged }));
  else print(`${out}: ${base} with the adapter of ${modules.length} projections, SHA-256 ${merged}`);
}

/** Adds the command to its group. */
export const addMerge: Register = (model) => {
  model
    .command('merge <adapter>')
    .description('write a model with an adapter added to its weights, in Hugging Face layout')
    .requiredOption('--out <folder>', 'where to write it: a new folder')
    .option('--base <folder>', "model under the adapter; default: its run's, or the one that the adapter names")
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd model merge runs/a/weights/v000030 --out models/merged']))
    .action(merge);
};
