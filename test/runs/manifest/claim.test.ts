import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { folderClaim } from '../../../src/runs/manifest/claim.js';
import { claimFolder, claimTopics, type Manifest, readManifest } from '../../../src/runs/manifest/manifest.js';
import { runPipeline } from '../../../src/runs/run.js';
import { topicDigest } from '../../../src/topics/digest.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import type { TopicLog } from '../../../src/topics/log.js';
import { storeOf } from '../../../src/topics/registry.js';
import { newTinyFolder, tinyPipeline, tinyRun } from '../tiny-run.js';

let base: string;
let manifest: Manifest;
/** Topics that several folders reach, as on a cluster. */
let log: TopicLog;

beforeAll(async () => {
  base = newTinyFolder();
  manifest = readManifest((await tinyRun(base, 'some', { steps: 1 })).folder);
});
afterAll(() => rmSync(base, { recursive: true }));

let test = 0;
beforeEach(async () => {
  test++;
  log = await newLog();
});

async function newLog(): Promise<TopicLog> {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-claim-'));
  const opened = await openEmbedded(folder);
  onTestFinished(async () => {
    await opened.close();
    rmSync(folder, { recursive: true });
  });
  await opened.ensureTopics([{ name: 'manifest', partitions: 1, compact: true }]);
  return opened;
}

/** What a process does that starts in a folder. */
async function start(name: string, options: { join?: boolean; topics?: TopicLog } = {}) {
  const folder = join(base, String(test), name, 'sums');
  const own = folderClaim(folder);
  claimFolder(folder, manifest);
  await claimTopics(options.topics ?? log, folder, manifest, { own, join: options.join ?? false });
}

it('a run of another folder is not joined unasked, however equal its file', async () => {
  await start('alice');
  await expect(start('bob')).rejects.toMatchObject({
    code: 'run-of-others',
    message: expect.stringMatching(
      /bob\/sums belong to a run that was begun from another folder on 20\d\d-.*; to take part in it, add --join; to begin/,
    ),
  });
  await expect(start('bob')).rejects.toThrow('--join');
  await start('alice');
});

it('a folder that was asked to join continues without being asked', async () => {
  await start('alice');
  await start('machine2', { join: true });
  await start('machine2');
  await start('machine3', { join: true });
  await start('alice');
});

it('--join begins a run where there is none', async () => {
  await start('first', { join: true });
  await start('first');
  await expect(start('other')).rejects.toMatchObject({ code: 'run-of-others' });
});

it('processes that share a folder share its run, also when they start at once', async () => {
  await Promise.all(['shared', 'shared', 'shared'].map((name) => start(name)));
  await start('shared');
});

it('a run of an earlier release is known by its folder', async () => {
  const folder = join(base, String(test), 'older', 'sums');
  claimFolder(folder, manifest);
  await claimTopics(log, folder, manifest);
  await start('older');
  await start('older');
  await expect(start('new')).rejects.toMatchObject({ code: 'run-of-others' });
});

it('who began a run is not part of the digest of its topics', async () => {
  const other = await newLog();
  await start('alice');
  await start('bob', { topics: other });
  expect(await topicDigest(other, 'manifest')).toEqual(await topicDigest(log, 'manifest'));
});

it('a run asks: the second of two folders on one cluster is refused', async () => {
  const spec = checkSpec({ ...tinyPipeline, steps: 1 });
  const inner = storeOf(spec.topics);
  const topics = mkdtempSync(join(tmpdir(), 'rlsd-cluster-'));
  onTestFinished(() => rmSync(topics, { recursive: true }));
  // A log in a place of its own, which every folder reaches.
  const store = {
    ...inner,
    traits: { ...inner.traits, location: 'server' as const },
    open: () => inner.open({ folder: topics, run: 'sums' }),
  };
  const plan = planOf(spec, base, [], { store });
  const run = (name: string, join_?: boolean) =>
    runPipeline({ plan, folder: join(base, name), ...(join_ && { join: join_ }) });
  const { weights } = await run('one');
  await expect(run('two')).rejects.toMatchObject({ code: 'run-of-others' });
  expect((await run('two', true)).weights.digest).toBe(weights.digest);
});
