import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Policy } from '../../engines/policy.js';
import { checkModelDigest } from '../../models/folder.js';
import { checkAdapterSettings } from '../../models/lora/folder.js';
import type { PolicyVersion } from '../../operators/rollout.js';
import { ofLearner } from '../../pipelines/spec/learners.js';
import type { Versions } from '../../pipelines/stages/resources.js';
import type { Weights } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { get } from '../../support/required.js';
import { fromRecord, recordIn } from '../../topics/record-codec.js';
import { materialise, type RunFiles } from './publisher.js';
import { newWaiters, type Waiters } from './waiters.js';

export type { Versions } from '../../pipelines/stages/resources.js';

export interface VersionSettings {
  readonly files: RunFiles;
  readonly policy: Pick<Policy, 'load' | 'unload' | 'checksDigests'>;
  /** Puts a missing or damaged version back in its folder. @throws {UserError} where that is not possible */
  readonly restore: (version: Pick<Weights, 'version' | 'digest' | 'location'>, damage: UserError) => Promise<void>;
  /** Versions before the newest that stay loaded. */
  readonly keep: number;
  /** A version from which later ones are still taught; -1 for none. */
  readonly teacherOf: (version: number) => number;
  /** Milliseconds between reads of the topic while somebody waits for a version. */
  readonly pollMs: number;
}

/** What is remembered of a version; its tensors stay in the topic. */
type Known = Pick<Weights, 'digest' | 'location'> & { readonly offset: bigint };

/** What a process knows of the published weights, and which of them its policy has loaded. */
interface State extends VersionSettings {
  readonly known: Map<number, Known>;
  readonly loading: Map<number, Promise<void>>;
  /** Versions whose folders had the digest of their record, or were written by this process. */
  readonly checked: Set<number>;
  /** Number of holders of each pinned version. */
  readonly pinned: Map<number, number>;
  readonly waiters: Waiters;
  nextOffset: bigint;
}

/** Follows the weights of a run. */
export async function followVersions(settings: VersionSettings): Promise<Versions> {
  const state: State = {
    ...settings,
    known: new Map(),
    loading: new Map(),
    checked: new Set(),
    pinned: new Map(),
    waiters: newWaiters(settings.pollMs, () => refresh(state)),
    nextOffset: 0n,
  };
  const { waiters } = state;
  const published = (least: number) => waiters.atLeast('published', least);
  await refresh(state);
  return {
    refresh: () => refresh(state),
    published,
    announce(version, announced) {
      state.known.set(version, { ...announced, offset: -1n });
      state.checked.add(version);
      waiters.reached('announced', version);
    },
    // Early steps may be sampled by any version, but there is none before the base.
    atLeast: async (least) => use(state, await waiters.atLeast('announced', Math.max(least, 0))),
    async at(version) {
      await published(version);
      return use(state, version);
    },
    async folderOf(version) {
      if (!state.known.has(version)) await refresh(state);
      return soundFolderOf(state, version);
    },
    async digestOf(version) {
      await published(version);
      return knownVersion(state, version).digest;
    },
    load: (version) => loadKnown(state, version),
    async pin(version) {
      state.pinned.set(version, (state.pinned.get(version) ?? 0) + 1);
      await loadKnown(state, version);
    },
    unpin(version) {
      const holders = get(state.pinned, version) - 1;
      if (holders > 0) state.pinned.set(version, holders);
      else state.pinned.delete(version);
      unloadOld(state);
    },
    waiting: waiters.count,
    awaited: waiters.awaited,
    close: waiters.close,
  };
}

async function refresh(state: State): Promise<void> {
  const { files } = state;
  for (;;) {
    const records = await files.log.read(ofLearner('weights', files.learner), 0, state.nextOffset, 8);
    if (records.length === 0) return state.waiters.wake();
    for (const record of records) {
      state.nextOffset = record.offset + 1n;
      const weights = recordIn('weights', record);
      if (!weights) continue;
      const { version, digest, location } = weights;
      state.known.set(version, { digest, location, offset: record.offset });
      state.waiters.note('published', version);
      state.waiters.note('announced', version);
    }
  }
}

function knownVersion(state: State, version: number): Known {
  const found = state.known.get(version);
  if (!found) throw new Error(`${ofLearner('weights', state.files.learner)}: version ${version} was not published`);
  return found;
}

async function folderOf(state: State, version: number): Promise<string> {
  const { files } = state;
  const { location, offset } = knownVersion(state, version);
  if (location !== null) return join(files.folder, location);
  const topic = ofLearner('weights', files.learner);
  const [record] = await files.log.read(topic, 0, offset, 1);
  if (!record?.value)
    throw new UserError('records-gone', `${topic}: the record of version ${version} at offset ${offset} is gone`);
  return materialise(files, fromRecord('weights', { ...record, value: record.value }));
}

async function loadKnown(state: State, version: number): Promise<void> {
  if (!state.known.has(version)) await refresh(state);
  await load(state, version);
}

/** Loads a version once, however many ask for it; a load that failed is tried again. */
function load(state: State, version: number): Promise<void> {
  const running = state.loading.get(version);
  if (running) return running;
  const started = loadSound(state, version);
  state.loading.set(version, started);
  started.catch(() => state.loading.delete(version));
  return started;
}

/** Loads a version whose weights have the digest of their record, restoring it where they do not. */
async function loadSound(state: State, version: number): Promise<void> {
  const { policy, checked } = state;
  const { digest } = knownVersion(state, version);
  await restoring(state, version, (folder) => {
    const adapter = state.files.adapter?.();
    if (adapter) checkAdapterSettings(folder, adapter.lora);
    // What loads it compares the digest as well, without a second read.
    if (!policy.checksDigests) checkModelDigest(folder, digest);
    return policy.load(version, folder, digest);
  });
  checked.add(version);
}

async function soundFolderOf(state: State, version: number): Promise<string> {
  const { checked } = state;
  const { digest } = knownVersion(state, version);
  return restoring(state, version, (folder) => {
    if (!checked.has(version) || !existsSync(folder)) checkModelDigest(folder, digest);
    checked.add(version);
    return folder;
  });
}

/** Uses a version's folder, after restoring it where it is missing or damaged. */
async function restoring<T>(state: State, version: number, work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = await folderOf(state, version);
  try {
    return await work(folder);
  } catch (damage) {
    if (!(damage instanceof UserError)) throw damage;
    const { digest, location } = knownVersion(state, version);
    await state.restore({ version, digest, location }, damage);
    return work(await folderOf(state, version));
  }
}

async function use(state: State, version: number): Promise<PolicyVersion> {
  await load(state, version);
  unloadOld(state);
  return { version, digest: knownVersion(state, version).digest };
}

function unloadOld({ waiters, keep, teacherOf, loading, pinned, policy }: State): void {
  const oldest = waiters.newest('published') - keep;
  const teacher = teacherOf(oldest);
  for (const version of loading.keys()) {
    if (version >= oldest || version >= teacher || pinned.has(version)) continue;
    loading.delete(version);
    // Fire and forget: shutdown closes the policy, and failures surface on the next call.
    policy.unload(version).catch(() => {});
  }
}
