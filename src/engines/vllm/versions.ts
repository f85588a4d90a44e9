import { join } from 'node:path';
import { modelDigest } from '../../models/folder.js';
import { ADAPTER_WEIGHTS, isAdapterFolder } from '../../models/lora/folder.js';
import { fileDigest } from '../../models/safetensors.js';
import { get } from '../../support/required.js';
import { type Adapter, adapterName, type Wanted } from './servers.js';

/** A version as a server gets it: whole weights, and an adapter over them where the version is one. */
export interface Version {
  /** Of the whole weights. */
  readonly digest: string;
  readonly adapter?: Adapter;
}

/** The versions that a policy has, and where their weights are. */
export interface Held {
  readonly versions: ReadonlyMap<number, Version>;
  readonly wanted: (digest: string) => Wanted;
  add(version: number, folder: string, digest?: string): void;
  /** @returns the adapter that no other version is of */
  remove(version: number): Adapter | undefined;
}

export function holdVersions(base: Wanted): Held {
  const versions = new Map<number, Version>();
  const wholes = new Map([[base.digest, base]]);
  return {
    versions,
    wanted: (digest) => get(wholes, digest),
    add(version, folder, digest) {
      if (isAdapterFolder(folder)) {
        const name = adapterName(digest ?? fileDigest(join(folder, ADAPTER_WEIGHTS)));
        versions.set(version, { digest: base.digest, adapter: { name, folder } });
        return;
      }
      const found = digest ?? modelDigest(folder);
      if (!wholes.has(found)) wholes.set(found, { folder, digest: found });
      versions.set(version, { digest: found });
    },
    remove(version) {
      const removed = versions.get(version);
      versions.delete(version);
      const adapter = removed?.adapter;
      return adapter && [...versions.values()].every((other) => other.adapter?.name !== adapter.name)
        ? adapter
        : undefined;
    },
  };
}
