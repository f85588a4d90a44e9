import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, of, toArray } from 'rxjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { rolloutOperator } from '../../../src/pipelines/stages/rollout.js';
import { followVersions, type Versions } from '../../../src/runs/weights/versions.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import type { TopicLog } from '../../../src/topics/log.js';
import { toAppend } from '../../../src/topics/record-codec.js';
import { storeOf } from '../../../src/topics/registry.js';
import { constantPolicy } from '../../fakes/policy.js';
import { promptOf } from '../../fakes/records.js';
import { tinyPipeline } from '../tiny-run.js';

let folder: string;
let log: TopicLog;
let versions: Versions;
const policy = { ...constantPolicy(), checksDigests: true };
const restore = () => Promise.reject(new Error('nothing is damaged here'));
const spec = checkSpec({ ...tinyPipeline, prompts: { generate: 'chain-sum', heldOut: 0 } });
const weights = (version: number) => ({ digest: `digest ${version}`, location: `weights/v${version}` });
const publish = (version: number) =>
  log.append([
    toAppend('weights', {
      run: 'r',
      version,
      parent: version > 0 ? version - 1 : null,
      step: version,
      offsets: [],
      chunk: null,
      format: 'full',
      ...weights(version),
    }),
  ]);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-versions-'));
  log = await openEmbedded(folder);
  await log.ensureTopics([{ name: 'weights', partitions: 1 }]);
  await publish(0);
  const files = { log, run: 'r', learner: '', folder, base: folder, spec, store: storeOf(spec.topics) };
  versions = await followVersions({ files, policy, restore, keep: 1, teacherOf: () => 0, pollMs: 10 });
});
afterEach(async () => {
  versions.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

it('announced weights are sampled, and what they made is given out once they are published', async () => {
  let sampled = () => {};
  const drawn = new Promise<void>((resolve) => {
    sampled = resolve;
  });
  const sample: typeof policy.sample = (...request) => {
    sampled();
    return policy.sample(...request);
  };
  const prompt = { ...promptOf(0), step: 1 };
  const resources = { policy: { ...policy, sample }, versions };
  let given = false;
  const rollouts = firstValueFrom(of(prompt).pipe(rolloutOperator(spec, resources), toArray())).then((made) => {
    given = true;
    return made;
  });
  versions.announce(1, weights(1));
  await drawn;
  await vi.waitFor(() => expect(versions.waiting()).toBe(1));
  await versions.refresh();
  expect(given).toBe(false);

  await publish(1);
  await versions.refresh();
  for (const { policyVersion, policyDigest } of await rollouts)
    expect({ policyVersion, policyDigest }).toEqual({ policyVersion: 1, policyDigest: 'digest 1' });
});

it('weights that were announced only are not published, and a stop lets no one wait for them', async () => {
  versions.announce(1, weights(1));
  expect(await versions.atLeast(1)).toEqual({ version: 1, digest: 'digest 1' });
  const published = versions.published(1);
  versions.close();
  await expect(published).rejects.toThrow('the run was stopped');
});

it('an unload that the end of the run cuts short is an error of nobody', async () => {
  const unloaded: number[] = [];
  // No spy, which would handle the rejection itself.
  const unload = async (version: number) => {
    unloaded.push(version);
    throw new Error('the workers were closed');
  };
  const files = { log, run: 'r', learner: '', folder, base: folder, spec, store: storeOf(spec.topics) };
  const settings = {
    files,
    policy: { ...policy, unload },
    restore,
    keep: 0,
    teacherOf: (version: number) => version,
    pollMs: 10,
  };
  const followed = await followVersions(settings);
  await followed.load(0);
  await publish(1);
  await followed.at(1);
  expect(unloaded).toEqual([0]);
  followed.close();
});
