import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { defineSpec } from '../../src/pipelines/spec/parse.js';
import { compareTopic } from '../../src/replay/compare.js';
import { diffRuns } from '../../src/replay/diff.js';
import { replayFrom } from '../../src/replay/from.js';
import { lineageOf } from '../../src/replay/lineage.js';
import { verifyRun } from '../../src/replay/verify.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { readManifest } from '../../src/runs/manifest/manifest.js';
import { machineOf } from '../../src/runs/manifest/program-hash.js';
import { runPipeline } from '../../src/runs/run.js';
import { topicDigest } from '../../src/topics/digest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { LogRecord } from '../../src/topics/log.js';
import { scan } from '../../src/topics/scan.js';
import { tinyModel } from '../models/tiny-model.js';

let root: string;
let recorded: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rlsd-replay-'));
  recorded = join(root, 'recorded');
  // Every number is one token of the tiny model, and a random model says some of them.
  const lines = Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({ id: `q${i}`, question: `${i} + 0`, answer: 'the' }),
  );
  writeFileSync(join(root, 'prompts.jsonl'), lines.join('\n'));
  const spec = defineSpec({
    pipeline: 'tiny',
    seed: 3,
    steps: 2,
    model: { base: tinyModel({ folder: join(root, 'model') }), workers: 1 },
    prompts: { file: 'prompts.jsonl', heldOut: 2 },
    privileged: ['reference'],
    rollout: { group: 4, maxTokens: 8 },
    verify: { regex: { pattern: '[0-4]' } },
    teach: { every: 1, template: '{{ question }} = {{ reference }}' },
    shape: 'rlsd',
    learn: { prompts: 3, lr: 1e-3, threads: 1 },
    evaluate: { every: 1 },
  });
  await runPipeline({ plan: planOf(spec, root), folder: recorded });
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of a run with records changed on their way. */
async function tampered(
  name: string,
  topic: string,
  change: (record: LogRecord) => LogRecord | null,
  retention?: { readonly bytes: number },
): Promise<string> {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const part of ['manifest.json', 'weights'])
    cpSync(join(recorded, part), join(folder, part), { recursive: true });
  const { log, plan } = await openRunFolder(recorded);
  const copy = await openEmbedded(join(folder, 'topics'));
  await copy.ensureTopics(
    plan.topics.map((spec) => (spec.name === topic && retention ? { ...spec, retention } : spec)),
  );
  for (const { name: each } of plan.topics)
    for await (const record of scan(log, each, 0)) {
      const kept = each === topic ? change(record) : record;
      if (kept) await copy.append([{ topic: each, key: kept.key, value: kept.value, headers: kept.headers }]);
    }
  await copy.close();
  await log.close();
  return folder;
}

/** The record at an offset with one bit in its middle flipped. */
const flipAt = (offset: bigint) => (record: LogRecord) => {
  if (record.offset !== offset || record.value === null) return record;
  const value = Uint8Array.from(record.value);
  const at = value.length >> 1;
  value[at] = (value[at] ?? 0) ^ 1;
  return { ...record, value };
};

async function digests(folder: string): Promise<Record<string, string>> {
  const { log, plan } = await openRunFolder(folder);
  const found: Record<string, string> = {};
  // Where the ingest stands in its source is no data of the run's, and each run has a manifest of its own.
  for (const { name } of plan.topics)
    if (name !== 'source' && name !== 'manifest') found[name] = (await topicDigest(log, name)).digest;
  await log.close();
  return found;
}

describe('verify', () => {
  it('finds every record of a run the same', async () => {
    const report = await verifyRun(recorded);
    expect(report.difference).toBeNull();
    expect(report).toMatchObject({ equal: true, mode: 'source', notes: [] });
    expect(report.topics.find(({ topic }) => topic === 'rollouts')?.records).toBe(24);
  }, 120_000);

  it('names the record, field, expected and found of a flipped bit, whatever topic it is in', async () => {
    const topics = [
      'prompts',
      'references',
      'privileged',
      'rollouts',
      'verdicts',
      'teacher-scores',
      'advantages',
      'weights',
    ];
    const { log } = await openRunFolder(recorded);
    for (const topic of topics) {
      const [first] = await log.read(topic, 0, 1n, 1);
      const offset = first?.offset ?? 0n;
      const copy = await openRunFolder(await tampered(`flip-${topic}`, topic, flipAt(offset)));
      const { difference } = await compareTopic(copy.log, log, topic);
      expect(difference, topic).toMatchObject({ topic, partition: 0 });
      expect(difference?.expected, topic).not.toBe(difference?.found);
      if (!['references', 'privileged'].includes(topic)) expect(difference?.offset, topic).toBe(offset);
      await copy.log.close();
    }
    await log.close();
  }, 60_000);

  it('names a missing record', async () => {
    const folder = await tampered('missing', 'verdicts', (record) => (record.offset === 23n ? null : record));
    const [copy, original] = [await openRunFolder(folder), await openRunFolder(recorded)];
    const { difference } = await compareTopic(copy.log, original.log, 'verdicts');
    expect(difference).toMatchObject({ offset: 23n, field: 'record', expected: 'nothing', found: 'a record' });
    await copy.log.close();
    await original.log.close();
  });

  it('feeds each stage its recorded input on another processor, and says so', async () => {
    const report = await verifyRun(recorded, { machine: { ...machineOf(), features: ['other'] } });
    expect(report).toMatchObject({ equal: true, mode: 'recorded' });
    expect(report.notes.join()).toContain('this machine has other');
    expect(report.topics.map(({ topic }) => topic)).toEqual(['verdicts', 'advantages']);
  }, 60_000);

  it('refuses a manifest of another format', async () => {
    const folder = join(root, 'format');
    mkdirSync(folder);
    const manifest = JSON.parse(readFileSync(join(recorded, 'manifest.json'), 'utf8'));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, format: 9 }));
    await expect(verifyRun(folder)).rejects.toThrow(/found format 9, expected 1/);
  });
});

describe('verify of a replay', () => {
  it.each([
    { from: 'rollouts', set: ['shape.rlsd.weightClip=0.3'] },
    { from: 'verdicts', set: ['teach.template="{{ reference }} {{ question }}"'], part: { step: { from: 1 } } },
    { from: 'teacher-scores', set: ['shape={rlsd: {lambda: 1}}'], train: true, evaluate: true },
    { from: 'prompts', set: ['rollout.temperature=0.5'], train: true, part: { step: { to: 0 } } },
  ])(
    'does it again from its parent: %j',
    async (options) => {
      const to = join(root, `replayed-${Math.random()}`);
      await replayFrom(recorded, { to, ...options });
      const report = await verifyRun(to);
      expect(report).toMatchObject({ mode: 'parent', equal: true, difference: null });
      const counts = Object.fromEntries(report.topics.map(({ topic, records }) => [topic, records]));
      expect(counts.advantages).toBe(options.part ? 12 : 24);
      expect(counts.weights).toBe(options.part?.step.to === 0 ? 2 : 3);
    },
    60_000,
  );

  it('names what is not what the parent and the change make of it', async () => {
    const to = join(root, 'replay-of-other');
    await replayFrom(recorded, { from: 'verdicts', to, set: ['shape.rlsd.weightClip=0.3'] });
    const parent = readFileSync(join(to, 'manifest.json'), 'utf8');
    const moved = join(root, 'replay-moved');
    cpSync(to, moved, { recursive: true });
    const log = await openEmbedded(join(moved, 'topics'));
    await log.append([{ topic: 'advantages', key: 'q0', value: null, headers: {} }]);
    await log.close();
    expect(await verifyRun(moved)).toMatchObject({
      mode: 'parent',
      equal: false,
      difference: { topic: 'advantages', offset: 24n, field: 'record', expected: 'a record', found: 'nothing' },
    });
    const machine = { ...machineOf(), platform: 'other-64' };
    expect(await verifyRun(to, { machine })).toMatchObject({
      mode: 'recorded',
      equal: true,
      topics: [{ topic: 'advantages', records: 24 }],
    });
    const { parent: from } = JSON.parse(parent);
    expect(from).toMatchObject({ from: 'verdicts', set: ['shape.rlsd.weightClip=0.3'], only: [], train: false });
    const recordedAt = join(root, 'elsewhere');
    renameSync(recorded, recordedAt);
    await expect(verifyRun(to)).rejects.toMatchObject({ code: 'parent-gone' });
    renameSync(recordedAt, recorded);
  }, 60_000);
});

describe('lineage', () => {
  it('names what made a sample, and the weights that learnt from it', async () => {
    const run = await openRunFolder(recorded);
    const group = await lineageOf(run, recorded, { step: 1 });
    expect(group).toHaveLength(12);
    const [first] = group;
    const [sample] = await lineageOf(run, recorded, { sample: `${first?.promptId}/2`, token: 0 });
    expect(sample).toMatchObject({
      step: 1,
      sampleIndex: 2,
      policy: { version: 1 },
      verifier: { name: 'regex' },
      weights: { version: 2, onDisk: true },
      token: { index: 0, trained: true },
    });
    const taught = (await lineageOf(run, recorded, { step: 0 })).find(({ documents }) => documents.length > 0);
    const [document] = taught?.documents ?? [];
    if (document) {
      const uses = await lineageOf(run, recorded, { document: document.id });
      expect(uses.every(({ itemId }) => itemId === taught?.itemId)).toBe(true);
    }
    await expect(lineageOf(run, recorded, { sample: `${first?.promptId}/9` })).rejects.toMatchObject({
      code: 'unknown-sample',
      message: expect.stringContaining('did you mean'),
    });
    await expect(lineageOf(run, recorded, { sample: `${first?.promptId}/2`, token: 99 })).rejects.toThrow(/--token 99/);
    await run.log.close();
  });
});

describe('replay from a topic', () => {
  it('gives the same digests with nothing changed, and takes over what was scored', async () => {
    const to = join(root, 'same');
    const { notes } = await replayFrom(recorded, { from: 'rollouts', to });
    const { metrics: _, ...was } = await digests(recorded);
    const { metrics: __, ...is } = await digests(to);
    expect(is).toEqual(was);
    expect(notes).toEqual([]);
    expect(readManifest(to).parent).toMatchObject({ run: readManifest(recorded).run, from: 'rollouts', set: [] });
    const difference = await diffRuns(recorded, to);
    expect(difference).toMatchObject({ samples: 24, verdictsChanged: 0, partsAt: null, gradient: null });
  }, 60_000);

  it.each(['rollouts', 'verdicts', 'teacher-scores', 'advantages', 'prompts'])(
    'trains after %s to the same weights with nothing changed',
    async (from) => {
      const to = join(root, `train-${from}`);
      const { summary } = await replayFrom(recorded, { from, to, train: true, evaluate: from === 'rollouts' });
      const { metrics: _, ...was } = await digests(recorded);
      const { metrics: __, ...is } = await digests(to);
      expect(summary.weights.version).toBe(2);
      if (from === 'rollouts') expect(is).toEqual(was);
      else expect(is).toMatchObject({ weights: was.weights, advantages: was.advantages });
      expect(await diffRuns(recorded, to)).toMatchObject({ weightsPart: null, offPolicyFrom: null });
    },
    60_000,
  );

  it('scores again what a changed template asks, with the recorded weights', async () => {
    const to = join(root, 'template');
    await replayFrom(recorded, { from: 'verdicts', to, set: ['teach.template="{{ reference }} {{ question }}"'] });
    const difference = await diffRuns(recorded, to);
    expect(difference).toMatchObject({ samples: 24, verdictsChanged: 0 });
    expect(difference.tokenAdvantages.changed).toBeGreaterThan(0);
    expect(difference.gradient).toMatchObject({ step: difference.partsAt?.step });
    expect(difference.gradient?.cosine).toBeLessThan(1);
    expect(difference.gradient?.cosine).toBeGreaterThan(0);
  }, 60_000);

  it('says from where on a trained replay is off-policy', async () => {
    const to = join(root, 'off-policy');
    await replayFrom(recorded, { from: 'teacher-scores', to, train: true, set: ['shape={rlsd: {lambda: 1}}'] });
    const { partsAt, weightsPart, offPolicyFrom } = await diffRuns(recorded, to);
    expect(weightsPart).toBe((partsAt?.step ?? 0) + 1);
    expect(offPolicyFrom).toBe(weightsPart === 2 ? null : weightsPart);
  }, 60_000);

  it('says where what was asked for takes training', async () => {
    const set = ['learn.lr=0.5'];
    const learner = await replayFrom(recorded, { from: 'teacher-scores', to: join(root, 'idle-learner'), set });
    expect(learner.notes).toContainEqual('--set learn: changes nothing without --train');
    const last = await replayFrom(recorded, { from: 'advantages', to: join(root, 'idle-advantages') });
    expect(last.notes).toContainEqual('nothing lies after advantages but training, which --train does');
  }, 60_000);

  it('shows what another verifier changes, sample by sample', async () => {
    const to = join(root, 'other-verifier');
    await replayFrom(recorded, { from: 'rollouts', to, set: ['verify.regex.pattern="[5-9]"'] });
    const samples: string[] = [];
    const difference = await diffRuns(recorded, to, ({ verdict }) => samples.push(`${verdict.was}>${verdict.is}`));
    expect(samples).toHaveLength(24);
    expect(difference.verdictsChanged).toBeGreaterThan(0);
    expect(samples.filter((change) => new Set(change.split('>')).size === 2)).toHaveLength(difference.verdictsChanged);
    const rollouts = [await digests(recorded), await digests(to)].map((found) => found.rollouts);
    expect(rollouts[0]).toBe(rollouts[1]);
  }, 60_000);

  it.each([
    [{ step: { from: 1 } }, 12],
    [{ step: { to: 0 } }, 12],
    [{ version: { from: 1, to: 1 } }, 12],
    [{ offset: { from: 2 } }, 20],
    [{ offset: { from: 4, to: 14 } }, 8],
    [{ time: { from: 0 } }, 24],
  ])(
    'replays the part %j, whole groups only',
    async (part, count) => {
      const to = join(root, `part-${Math.random()}`);
      const { summary } = await replayFrom(recorded, { from: 'teacher-scores', to, part });
      expect(summary.records).toMatchObject({ 'teacher-scores': count, prompts: count / 4, advantages: count });
    },
    60_000,
  );

  it.each([
    [{ from: 'rolouts' }, 'unknown-topic', /did you mean rollouts/],
    [{ from: 'rollouts', set: ['rollout.temperature=0.5'] }, 'bad-change', /decided before rollouts/],
    [{ from: 'advantages', set: ['shape=grpo'] }, 'bad-change', /shape: found/],
    [{ from: 'rollouts', train: true, part: { step: { to: 8 } } }, 'bad-request', /--only step=..8/],
    [{ from: 'rollouts', train: true, part: { offset: { from: 4 } } }, 'bad-request', /not trained on/],
    [{ from: 'rollouts', evaluate: true }, 'bad-request', /--train/],
    [{ from: 'prompts' }, 'bad-request', /--train/],
    [{ from: 'rollouts', part: { time: { to: 1 } } }, 'empty-part', /topic rollouts: no whole group/],
    [{ from: 'rollouts', part: { step: { to: 0 }, prompt: /^$/ } }, 'empty-part', /nothing to replay/],
  ])('refuses %j', async (options, code, message) => {
    const replay = replayFrom(recorded, { to: join(root, 'never'), ...options });
    await expect(replay).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('leaves out a group that lacks a sample, says so, and does not train on such', async () => {
    const folder = await tampered('holed', 'verdicts', (record) => (record.offset === 5n ? null : record));
    const { summary, notes } = await replayFrom(folder, { from: 'verdicts', to: join(root, 'whole') });
    expect(summary.records).toMatchObject({ verdicts: 20, prompts: 5, advantages: 20 });
    expect(notes.join()).toMatch(/topic verdicts: found a part only of the samples of prompt/);
    const training = replayFrom(folder, { from: 'verdicts', to: join(root, 'never'), train: true });
    await expect(training).rejects.toMatchObject({ code: 'incomplete-group' });
  }, 60_000);

  it('says from where a topic whose head was deleted can be replayed', async () => {
    const folder = await tampered('head', 'rollouts', (record) => record, { bytes: 4300 });
    const rejects = (work: Promise<unknown>, message: RegExp) =>
      expect(work).rejects.toMatchObject({ code: 'deleted-head', message: expect.stringMatching(message) });
    const first = /topic rollouts, partition 0: its first record is at offset (\d+), expected 0.*--only offset=\1\.\./;
    await rejects(verifyRun(folder), first);
    await rejects(replayFrom(folder, { from: 'rollouts', to: join(root, 'headless') }), first);
    const log = await openEmbedded(join(folder, 'topics'));
    const start = (await log.describe()).find(({ name }) => name === 'rollouts')?.bounds[0]?.start ?? 0n;
    await log.close();
    expect(start).toBeGreaterThan(0n);
    // The first record that is left lies inside a group of four.
    expect(Number(start) % 4).toBeGreaterThan(0);
    const part = { offset: { from: Number(start) } };
    const { summary, notes } = await replayFrom(folder, { from: 'rollouts', to: join(root, 'tail'), part });
    expect(summary.records).toMatchObject({ rollouts: 4 * Math.floor((24 - Number(start)) / 4), 'dead-letters': 0 });
    expect(notes.join()).toMatch(
      /topic rollouts: found a part only of the samples of prompt \S+; groups are replayed whole/,
    );
  }, 60_000);
});
