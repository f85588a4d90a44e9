import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diffRuns } from '../../src/replay/diff/diff-runs.js';
import { replayFrom } from '../../src/replay/from.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { readManifest } from '../../src/runs/manifest/manifest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { recordedRun, tampered, topicDigests } from './recorded-run.js';

const run = recordedRun();

describe('replayFrom', () => {
  it('reproduces every digest when nothing changes, and reuses scores', async () => {
    const to = join(run.root, 'same');
    const { notes } = await replayFrom(run.folder, { from: 'rollouts', to });
    // Nothing is measured again.
    const { metrics: _, evaluations: __, ...was } = await topicDigests(run.folder);
    const { metrics: ___, evaluations: ____, ...is } = await topicDigests(to);
    expect(is).toEqual(was);
    expect(notes).toEqual([]);
    expect(readManifest(to).parent).toMatchObject({ run: readManifest(run.folder).run, from: 'rollouts', set: [] });
    const difference = await diffRuns(run.folder, to);
    expect(difference).toMatchObject({ samples: 24, verdictsChanged: 0, firstChange: null, gradient: null });
  }, 60_000);

  it.each(['rollouts', 'verdicts', 'teacher-scores', 'advantages', 'prompts'])(
    'trains from %s to the same weights when nothing changes',
    async (from) => {
      const to = join(run.root, `train-${from}`);
      const { summary } = await replayFrom(run.folder, { from, to, train: true, evaluate: from === 'rollouts' });
      const { metrics: _, ...was } = await topicDigests(run.folder);
      const { metrics: __, ...is } = await topicDigests(to);
      expect(summary.weights.version).toBe(2);
      if (from === 'rollouts') expect(is).toEqual(was);
      else expect(is).toMatchObject({ weights: was.weights, advantages: was.advantages });
      expect(await diffRuns(run.folder, to)).toMatchObject({ weightsDifferFrom: null, offPolicyFrom: null });
    },
    60_000,
  );

  it('scores again with the recorded weights when the template changes', async () => {
    const to = join(run.root, 'template');
    await replayFrom(run.folder, { from: 'verdicts', to, set: ['teach.template="{{ reference }} {{ question }}"'] });
    const difference = await diffRuns(run.folder, to);
    expect(difference).toMatchObject({ samples: 24, verdictsChanged: 0 });
    expect(difference.tokenAdvantages.changed).toBeGreaterThan(0);
    expect(difference.gradient).toMatchObject({ step: difference.firstChange?.step });
    expect(difference.gradient?.cosine).toBeLessThan(1);
    expect(difference.gradient?.cosine).toBeGreaterThan(0);
  }, 60_000);

  it('shapes by a method of your own', async () => {
    const to = join(run.root, 'module');
    const module = join(import.meta.dirname, '../../examples/methods/leave-one-out.mjs');
    await replayFrom(run.folder, { from: 'verdicts', to, set: [`shape={module: ${JSON.stringify(module)}}`] });
    expect(readManifest(to).methodModule).toMatch(/^[0-9a-f]{64}$/);
    expect((await diffRuns(run.folder, to)).tokenAdvantages.changed).toBeGreaterThan(0);
  }, 60_000);

  it('reports the step from which a trained replay is off-policy', async () => {
    const to = join(run.root, 'off-policy');
    await replayFrom(run.folder, { from: 'teacher-scores', to, train: true, set: ['shape={rlsd: {lambda: 1}}'] });
    const { firstChange, weightsDifferFrom, offPolicyFrom } = await diffRuns(run.folder, to);
    expect(weightsDifferFrom).toBe((firstChange?.step ?? 0) + 1);
    expect(offPolicyFrom).toBe(weightsDifferFrom === 2 ? null : weightsDifferFrom);
  }, 60_000);

  it('notes changes that have no effect without training', async () => {
    const set = ['learn.lr=0.5'];
    const learner = await replayFrom(run.folder, { from: 'teacher-scores', to: join(run.root, 'idle-learner'), set });
    expect(learner.notes).toContainEqual('--set learn: has no effect without --train');
    const last = await replayFrom(run.folder, { from: 'advantages', to: join(run.root, 'idle-advantages') });
    expect(last.notes).toContainEqual('only training follows advantages; add --train');
  }, 60_000);

  it('reports each sample that another verifier judges differently', async () => {
    const to = join(run.root, 'other-verifier');
    await replayFrom(run.folder, { from: 'rollouts', to, set: ['verify.regex.pattern="[5-9]"'] });
    const samples: string[] = [];
    const difference = await diffRuns(run.folder, to, ({ verdict }) => samples.push(`${verdict.was}>${verdict.is}`));
    expect(samples).toHaveLength(24);
    expect(difference.verdictsChanged).toBeGreaterThan(0);
    expect(samples.filter((change) => new Set(change.split('>')).size === 2)).toHaveLength(difference.verdictsChanged);
    const rollouts = [await topicDigests(run.folder), await topicDigests(to)].map((found) => found.rollouts);
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
    'replays the whole groups of the part %j',
    async (part, count) => {
      const to = join(run.root, `part-${Math.random()}`);
      const { summary } = await replayFrom(run.folder, { from: 'teacher-scores', to, part });
      expect(summary.records).toMatchObject({ 'teacher-scores': count, prompts: count / 4, advantages: count });
    },
    60_000,
  );

  it.each([
    [{ from: 'rolouts' }, 'unknown-topic', /did you mean rollouts/],
    [{ from: 'rollouts', set: ['rollout.temperature=0.5'] }, 'bad-change', /decided before rollouts/],
    [{ from: 'advantages', set: ['shape=grpo'] }, 'bad-change', /shape: found/],
    [{ from: 'rollouts', train: true, part: { step: { to: 8 } } }, 'bad-request', /--only step=..8/],
    [
      { from: 'rollouts', train: true, part: { offset: { from: 4 } } },
      'bad-request',
      /cannot begin after the first step/,
    ],
    [{ from: 'rollouts', evaluate: true }, 'bad-request', /--train/],
    [{ from: 'prompts' }, 'bad-request', /--train/],
    [{ from: 'rollouts', part: { time: { to: 1 } } }, 'empty-part', /topic rollouts: no whole group/],
    [{ from: 'rollouts', part: { step: { to: 0 }, prompt: /^$/ } }, 'empty-part', /nothing to replay/],
  ])('rejects %j', async (options, code, message) => {
    const replay = replayFrom(run.folder, { to: join(run.root, 'never'), ...options });
    await expect(replay).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('skips incomplete groups with a note, and refuses to train without them', async () => {
    const folder = await tampered(run, 'holed', 'verdicts', (record) => (record.offset === 5n ? null : record));
    const { summary, notes } = await replayFrom(folder, { from: 'verdicts', to: join(run.root, 'whole') });
    expect(summary.records).toMatchObject({ verdicts: 20, prompts: 5, advantages: 20 });
    expect(notes.join()).toMatch(/topic verdicts: found only some samples of prompt/);
    const training = replayFrom(folder, { from: 'verdicts', to: join(run.root, 'never'), train: true });
    await expect(training).rejects.toMatchObject({ code: 'incomplete-group' });
  }, 60_000);

  it('names the first offset to replay where the head of a topic was deleted', async () => {
    const folder = await tampered(run, 'head', 'rollouts', (record) => record, { bytes: 4300 });
    const rejects = (work: Promise<unknown>, message: RegExp) =>
      expect(work).rejects.toMatchObject({ code: 'deleted-head', message: expect.stringMatching(message) });
    const first = /topic rollouts, partition 0: its first record is at offset (\d+), expected 0.*--only offset=\1\.\./;
    await rejects(verifyRun(folder), first);
    await rejects(replayFrom(folder, { from: 'rollouts', to: join(run.root, 'headless') }), first);
    const log = await openEmbedded(join(folder, 'topics'));
    const start = (await log.describe()).find(({ name }) => name === 'rollouts')?.bounds[0]?.start ?? 0n;
    await log.close();
    expect(start).toBeGreaterThan(0n);
    // The first remaining record is in the middle of a group of four.
    expect(Number(start) % 4).toBeGreaterThan(0);
    const part = { offset: { from: Number(start) } };
    const { summary, notes } = await replayFrom(folder, { from: 'rollouts', to: join(run.root, 'tail'), part });
    expect(summary.records).toMatchObject({ rollouts: 4 * Math.floor((24 - Number(start)) / 4), 'dead-letters': 0 });
    expect(notes.join()).toMatch(
      /topic rollouts: found only some samples of prompt \S+; skipped, since groups are replayed whole/,
    );
  }, 60_000);
});
