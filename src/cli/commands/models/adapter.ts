import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readAdapterSettings } from '../../../models/lora/folder.js';
import { MANIFEST } from '../../../pipelines/feeds/recorded-spec.js';
import { baseFolder } from '../../../pipelines/plan/model.js';
import { withBase } from '../../../replay/recorded.js';
import { readManifest } from '../../../runs/manifest/manifest.js';
import { UserError } from '../../../support/errors.js';

/**
 * Folder of the model that an adapter goes over: its run's base or, outside a run, the folder that its configuration
 * names, relative to the working directory.
 * @throws {UserError} `no-base`
 */
export function modelUnder(adapter: string): string {
  const { base } = readAdapterSettings(adapter);
  const run = dirname(dirname(resolve(adapter)));
  if (existsSync(join(run, MANIFEST))) {
    const manifest = readManifest(run);
    return baseFolder(withBase(manifest, run), manifest.folder);
  }
  if (base !== undefined && existsSync(base)) return base;
  throw new UserError(
    'no-base',
    `${adapter}: the model under the adapter is ` +
      `${base === undefined ? 'not named' : `named ${base}, which is no folder here`}; ` +
      'expected its folder with --base',
  );
}
