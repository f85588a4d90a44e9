import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replayFrom } from '../../../src/replay/from.js';
import { compareTopic } from '../../../src/replay/verify/compare.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { machineOf } from '../../../src/runs/manifest/program-hash.js';
import { required } from '../../../src/support/required.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { flipAt, recordedRun, tampered } from '../recorded-run.js';

const run = recordedRun();

describe('verifyRun', () => {
  it('repeats a run with every record equal', async () => {
    const report = await verifyRun(run.folder);
    expect(report.difference).toBeNull();
    expect(report).toMatchObject({ equal: true, mode: 'source', notes: [] });
    expect(report.topics.find(({ topic }) => topic === 'rollouts')?.records).toBe(24);
  }, 120_000);

  it('names the record and field of a flipped bit in any topic', async () => {
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
    const { log } = await openRunFolder(run.folder);
    for (const topic of topics) {
      const [first] = await log.read(topic, 0, 1n, 1);
      const { offset } = required(first, `second record of ${topic}`);
      const copy = await openRunFolder(await tampered(run, `flip-${topic}`, topic, flipAt(offset)));
      const { difference } = await compareTopic(copy.log, log, topic);
      expect(difference, topic).toMatchObject({ topic, partition: 0 });
      expect(difference?.expected, topic).not.toBe(difference?.found);
      if (!['references', 'privileged'].includes(topic)) expect(difference?.offset, topic).toBe(offset);
      await copy.log.close();
    }
    await log.close();
  }, 60_000);

  it('reports a missing record', async () => {
    const folder = await tampered(run, 'missing', 'verdicts', (record) => (record.offset === 23n ? null : record));
    const [copy, original] = [await openRunFolder(folder), await openRunFolder(run.folder)];
    const { difference } = await compareTopic(copy.log, original.log, 'verdicts');
    expect(difference).toMatchObject({ offset: 23n, field: 'record', expected: 'nothing', found: 'a record' });
    await copy.log.close();
    await original.log.close();
  });

  it('repeats only portable stages on another processor', async () => {
    const report = await verifyRun(run.folder, { machine: { ...machineOf(), features: ['other'] } });
    expect(report).toMatchObject({ equal: true, mode: 'recorded' });
    expect(report.notes.join()).toContain('this machine has other');
    expect(report.topics.map(({ topic }) => topic)).toEqual(['verdicts', 'advantages']);
  }, 60_000);

  it('rejects a manifest of another format', async () => {
    const folder = join(run.root, 'format');
    mkdirSync(folder);
    const manifest = JSON.parse(readFileSync(join(run.folder, 'manifest.json'), 'utf8'));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, format: 9 }));
    await expect(verifyRun(folder)).rejects.toThrow(/found format 9, expected 1/);
  });
});

describe('verifyRun of a replay', () => {
  it.each([
    { from: 'rollouts', set: ['shape.rlsd.weightClip=0.3'] },
    { from: 'verdicts', set: ['teach.template="{{ reference }} {{ question }}"'], part: { step: { from: 1 } } },
    { from: 'teacher-scores', set: ['shape={rlsd: {lambda: 1}}'], train: true, evaluate: true },
    { from: 'prompts', set: ['rollout.temperature=0.5'], train: true, part: { step: { to: 0 } } },
  ])(
    'repeats it from its parent: %j',
    async (options) => {
      const to = join(run.root, `replayed-${Math.random()}`);
      await replayFrom(run.folder, { to, ...options });
      const report = await verifyRun(to);
      expect(report).toMatchObject({ mode: 'parent', equal: true, difference: null });
      const counts = Object.fromEntries(report.topics.map(({ topic, records }) => [topic, records]));
      expect(counts.advantages).toBe(options.part ? 12 : 24);
      expect(counts.weights).toBe(options.part?.step.to === 0 ? 2 : 3);
    },
    60_000,
  );

  it('reports a record that the parent and the change do not produce', async () => {
    const to = join(run.root, 'replay-of-other');
    await replayFrom(run.folder, { from: 'verdicts', to, set: ['shape.rlsd.weightClip=0.3'] });
    const parent = readFileSync(join(to, 'manifest.json'), 'utf8');
    const moved = join(run.root, 'replay-moved');
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
    const recordedAt = join(run.root, 'elsewhere');
    renameSync(run.folder, recordedAt);
    await expect(verifyRun(to)).rejects.toMatchObject({ code: 'parent-gone' });
    renameSync(recordedAt, run.folder);
  }, 60_000);
});
