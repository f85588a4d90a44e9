import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, map, scan } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sample, Transform } from '../../src/operators/transform.js';
import type { Verdict } from '../../src/records/records.js';
import { startStage } from '../../src/runtime/start-stage.js';
import { transformStage } from '../../src/runtime/transform-stage.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { TopicLog } from '../../src/topics/log.js';
import { fromRecord, gapAppend, toAppend } from '../../src/topics/record-codec.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

type V = Sample<'verdicts'>;
let folder: string;
let log: TopicLog;
let letters: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-transform-'));
  log = await openEmbedded(folder);
  await log.ensureTopics(['verdicts', 'verdicts.mine', 'dead-letters'].map((name) => ({ name, partitions: 1 })));
  letters = [];
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const start = (transform: Partial<Transform<'verdicts'>>, topicLog = log) =>
  startStage(
    transformStage<'verdicts'>({
      transform: { topic: 'verdicts', name: 'mine', operator: sum, unit: 'group', drops: false, ...transform },
      name: 'verdicts.mine',
      inputTopic: 'verdicts',
      outputTopic: 'verdicts.mine',
      credit: 64,
      prompts: 2,
    }),
    {
      log: topicLog,
      run: 'r',
      attempts: 1,
      now: () => 0,
      onDeadLetter: (_, cause, error) => letters.push(`${cause}: ${error}`),
    },
  );
const sum = () => scan((before: V, verdict: V): V => ({ ...verdict, reward: before.reward + verdict.reward }));
const verdict = (n: number, i: number, step = n >> 1): Verdict =>
  verdictOf(rolloutOf({ ...promptOf(n), step }, i, 2), 1);
const append = (...verdicts: readonly Verdict[]) => log.append(verdicts.map((one) => toAppend('verdicts', one)));

async function committed(offset: bigint): Promise<void> {
  for (;;) {
    const [position] = await log.committed('verdicts.mine', 'verdicts');
    if (position && position.offset >= offset) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The rewards of the output by sample, and the causes of gaps. */
const outputs = async () =>
  (await log.read('verdicts.mine', 0, 0n, 1000)).map((record) => {
    if (record.value === null) return `${record.key}/${record.headers.sample} ${record.headers.gap}`;
    const { promptId, sampleIndex, reward } = fromRecord('verdicts', { ...record, value: record.value });
    return `${promptId}/${sampleIndex} ${reward}`;
  });

describe('the stage of a transform', () => {
  it('runs the operator on each group', async () => {
    await append(verdict(0, 0), verdict(1, 0), verdict(1, 1), verdict(0, 1));
    const stage = await start({});
    await committed(4n);
    await stage.stop();
    expect((await outputs()).sort()).toEqual(['p0/0 1', 'p0/1 2', 'p1/0 1', 'p1/1 2']);
  });

  it('leaves a gap for a dropped sample', async () => {
    await append(verdict(0, 0), verdict(0, 1));
    const stage = await start({ operator: () => filter(({ sampleIndex }) => sampleIndex === 1), drops: true });
    await committed(2n);
    await stage.stop();
    expect([await outputs(), letters]).toEqual([['p0/1 1', 'p0/0 filtered'], []]);
  });

  it('makes a dead letter and a gap of a sample whose output is no good, and keeps the others', async () => {
    await append(verdict(0, 0), verdict(0, 1));
    const nan = () => map((one: V): V => (one.sampleIndex === 1 ? { ...one, reward: Number.NaN } : one));
    const stage = await start({ operator: nan });
    await committed(2n);
    await stage.stop();
    expect(await outputs()).toEqual(['p0/0 1', 'p0/1 bad-output']);
    expect(letters).toEqual(['bad-output: sample p0/1: reward is NaN, expected a finite number']);
    const found = (await log.read('dead-letters', 0, 0n, 10)).flatMap((record) =>
      record.value === null ? [] : [fromRecord('dead-letters', { ...record, value: record.value })],
    );
    expect(found).toMatchObject([{ stage: 'verdicts.mine', cause: 'bad-output', offset: 1n }]);
  });

  it('runs the operator on each step, which may overlap, with its gaps', async () => {
    await append(verdict(2, 0), verdict(0, 0), verdict(0, 1), verdict(2, 1));
    await log.append([
      gapAppend('verdicts', { cause: 'crash', promptId: 'p1', step: 0, sampleIndex: null, groupSize: 2 }),
    ]);
    await append(verdict(3, 0), verdict(3, 1));
    const stage = await start({ unit: 'step' });
    await committed(7n);
    await stage.stop();
    expect((await outputs()).sort()).toEqual([
      'p0/0 1',
      'p0/1 2',
      'p1/undefined crash',
      'p2/0 1',
      'p2/1 2',
      'p3/0 3',
      'p3/1 4',
    ]);
  });

  it('does no step twice after a restart', async () => {
    await append(verdict(2, 0), verdict(0, 0), verdict(0, 1), verdict(1, 0), verdict(1, 1));
    const first = await start({ unit: 'step' });
    while ((await outputs()).length < 4) await new Promise((resolve) => setImmediate(resolve));
    await first.stop();
    // Step 1 is open at the head of the topic, so the offset has not moved.
    expect((await log.committed('verdicts.mine', 'verdicts'))[0]?.offset ?? 0n).toBe(0n);
    const second = await start({ unit: 'step' });
    await append(verdict(2, 1), verdict(3, 0), verdict(3, 1));
    await committed(8n);
    await second.stop();
    expect(await outputs()).toEqual(['p0/0 1', 'p0/1 2', 'p1/0 3', 'p1/1 4', 'p2/0 1', 'p2/1 2', 'p3/0 3', 'p3/1 4']);
  });
});
