import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followJudgements } from '../../../src/pipelines/feeds/judgements.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import type { TopicLog } from '../../../src/topics/log.js';
import { gapAppend, toAppend } from '../../../src/topics/record-codec.js';
import { promptOf, rolloutOf, verdictOf } from '../../fakes/records.js';

let folder: string;
let log: TopicLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-judged-'));
  log = await openEmbedded(folder);
  await log.ensureTopics([{ name: 'verdicts', partitions: 2 }]);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const { signal } = new AbortController();
const verdict = (n: number, index: number, reward: number, step = 0) =>
  toAppend('verdicts', { ...verdictOf(rolloutOf({ ...promptOf(n), step }, index, 2), reward) });
const gap = (n: number, sampleIndex: number | null, step = 0) =>
  gapAppend('verdicts', { promptId: promptOf(n).promptId, step, sampleIndex, groupSize: 2, cause: 'failed' });

describe('the judgements of a step', () => {
  it('wait for its prompts, whose samples may be lost, and are in their order', async () => {
    const judgements = followJudgements(log, 'verdicts', () => 7);
    await log.append([verdict(1, 0, 1), verdict(0, 1, 0), verdict(1, 1, 0)]);
    let isThere = false;
    const found = judgements.of(0, 3, signal).then((prompts) => {
      isThere = true;
      return prompts;
    });
    await expect
      .poll(() => judgements.pending())
      .toEqual([{ what: 'waits for the verdicts of step 0: 1 of 3 prompts', since: 7 }]);
    expect(isThere).toBe(false);
    await log.append([gap(0, 0), gap(2, null)]);
    expect((await found).map(({ sequence, rewards, accuracy }) => [Number(sequence), rewards, accuracy])).toEqual([
      [0, [0], 0],
      [1, [1, 0], 0.5],
    ]);
    expect(judgements.pending()).toEqual([]);
  });

  it('count a copy once, and pass over what is no verdict', async () => {
    const judgements = followJudgements(log, 'verdicts', Date.now);
    const junk = { topic: 'verdicts', key: promptOf(0).promptId, value: Buffer.from('junk'), headers: {} };
    await log.append([junk, verdict(0, 0, 1), verdict(0, 0, 1), verdict(0, 1, 1), verdict(0, 1, 0)]);
    expect((await judgements.of(0, 1, signal)).map(({ rewards }) => rewards)).toEqual([[1, 1]]);
  });

  it('are gone once they are forgotten', async () => {
    const judgements = followJudgements(log, 'verdicts', Date.now);
    judgements.forgetBefore(1);
    await log.append([verdict(0, 0, 1), verdict(0, 1, 1), verdict(3, 0, 1, 1), verdict(3, 1, 0, 1)]);
    expect(await judgements.of(1, 1, signal)).toHaveLength(1);
    const stop = new AbortController();
    const never = judgements.of(0, 1, stop.signal);
    stop.abort();
    await expect(never).rejects.toThrow(/abort/i);
  });
});
