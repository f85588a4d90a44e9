import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, map, mergeMap, NEVER, type OperatorFunction, of, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Prompt, Rollout, TopicRecords, Verdict } from '../../src/records/records.js';
import type { Stage, StageEnvironment } from '../../src/runtime/stage.js';
import { startStage } from '../../src/runtime/start-stage.js';
import { UserError } from '../../src/support/errors.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { type LogRecord, LogUnavailableError, type TopicLog } from '../../src/topics/log.js';
import { fromRecord, gapAppend, placeOf, type TopicName, toAppend } from '../../src/topics/record-codec.js';
import { advantageOf, promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

let folder: string;
let log: TopicLog;
const letters: string[] = [];
const environment = (): StageEnvironment => ({
  log,
  run: 'r',
  attempts: 2,
  now: () => 0,
  onDeadLetter: (stage, cause) => letters.push(`${stage} ${cause}`),
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-stage-'));
  log = await openEmbedded(folder);
  const names = [
    'prompts',
    'rollouts',
    'verdicts',
    'teacher-scores',
    'advantages',
    'weights',
    'metrics',
    'dead-letters',
  ];
  await log.ensureTopics(names.map((name) => ({ name, partitions: 1 })));
  letters.length = 0;
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const all = async (topic: string): Promise<LogRecord[]> => log.read(topic, 0, 0n, 10_000);
const decoded = async <K extends TopicName>(topic: K): Promise<TopicRecords[K][]> =>
  (await all(topic)).flatMap((r) => (r.value === null ? [] : [fromRecord(topic, { ...r, value: r.value })]));
const rolloutStage = (
  operator: () => OperatorFunction<Prompt, Rollout>,
  rest: Partial<Stage<'prompts', 'rollouts'>> = {},
) =>
  startStage(
    {
      name: 'rollout',
      input: 'prompts',
      output: 'rollouts',
      unit: 'record',
      operator,
      credit: 8,
      concurrency: 4,
      ...rest,
    },
    environment(),
  );
const verifyStage = (operator: () => OperatorFunction<Rollout, Verdict>) =>
  startStage(
    { name: 'verify', input: 'rollouts', output: 'verdicts', unit: 'group', operator, credit: 16, concurrency: 2 },
    environment(),
  );
const committed = async (group: string, topic: string, offset: bigint) => {
  for (;;) {
    const [position] = await log.committed(group, topic);
    if ((position?.offset ?? 0n) >= offset) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const twoEach = () => mergeMap((p: Prompt) => of(rolloutOf(p, 0, 2), rolloutOf(p, 1, 2)));

describe('a stage over records', () => {
  it('commits outputs in the order of its input, whatever finishes first', async () => {
    await log.append([0, 1, 2, 3].map((n) => toAppend('prompts', promptOf(n))));
    const slow = () =>
      mergeMap(async (p: Prompt) => {
        for (let i = 0; i < 20 - 5 * Number(p.sequence); i++) await new Promise((resolve) => setImmediate(resolve));
        return rolloutOf(p, 0, 1);
      });
    const stage = await rolloutStage(slow);
    await committed('rollout', 'prompts', 4n);
    await stage.stop();
    expect((await decoded('rollouts')).map((r) => r.promptId)).toEqual(['p0', 'p1', 'p2', 'p3']);
  });

  it('goes on from what was committed', async () => {
    await log.append([0, 1].map((n) => toAppend('prompts', promptOf(n))));
    const first = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 2n);
    await first.stop();
    await log.append([toAppend('prompts', promptOf(2))]);
    const second = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 3n);
    await second.stop();
    expect((await decoded('rollouts')).map((r) => r.promptId)).toEqual(['p0', 'p0', 'p1', 'p1', 'p2', 'p2']);
  });

  it('ends, instead of making dead letters, where the log does not answer', async () => {
    await log.append([toAppend('prompts', promptOf(0))]);
    const stage = await rolloutStage(() =>
      mergeMap(() => Promise.reject(new LogUnavailableError('unreachable', 'no answer'))),
    );
    await expect(stage.ended).rejects.toThrow('no answer');
    await stage.stop();
    expect([letters, await all('dead-letters')]).toEqual([[], []]);
    expect((await log.committed('rollout', 'prompts'))[0]?.offset).toBe(0n);
  });

  it('uses a record once that arrives again after a restart', async () => {
    await log.append([toAppend('prompts', promptOf(0))]);
    const first = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 1n);
    await first.stop();
    await log.append([0, 1].map((n) => toAppend('prompts', promptOf(n))));
    const second = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 3n);
    await second.stop();
    expect((await decoded('rollouts')).map((r) => r.promptId)).toEqual(['p0', 'p0', 'p1', 'p1']);
    expect(letters).toEqual(['rollout duplicate']);
  });

  it('works on what comes back in the poll under which it was taken away', async () => {
    await log.append([toAppend('prompts', promptOf(0))]);
    const real = log.consumer;
    log.consumer = async (group, topics) => {
      const consumer = await real(group, topics);
      const listeners: Parameters<typeof consumer.onRevoked>[0][] = [];
      return {
        ...consumer,
        onRevoked: (listener) => void listeners.push(listener),
        async poll(...wanted) {
          for (const listener of listeners.splice(0)) listener(consumer.assigned());
          return consumer.poll(...wanted);
        },
      };
    };
    const stage = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 1n);
    await stage.stop();
    expect((await decoded('rollouts')).map((r) => r.promptId)).toEqual(['p0', 'p0']);
  });

  it('turns what fails into a dead letter and a gap, after its attempts, and the rest goes on', async () => {
    await log.append([0, 1, 2].map((n) => toAppend('prompts', promptOf(n))));
    let tries = 0;
    const stage = await rolloutStage(() =>
      mergeMap((p: Prompt) => {
        if (p.promptId !== 'p1') return of(rolloutOf(p, 0, 1));
        tries++;
        throw new Error('model fell over');
      }),
    );
    await committed('rollout', 'prompts', 3n);
    await stage.stop();
    expect(tries).toBe(2);
    const [letter] = await decoded('dead-letters');
    expect(letter).toMatchObject({
      stage: 'rollout',
      cause: 'failed',
      topic: 'prompts',
      offset: 1n,
      key: 'p1',
      attempts: 2,
      error: 'model fell over',
    });
    const [, gap] = await all('rollouts');
    expect(gap).toMatchObject({ key: 'p1', value: null, headers: { gap: 'failed', step: '0' } });
    expect(stage.stats).toMatchObject({ records: 3, deadLetters: 1, retries: 1, inFlight: 0 });
  });

  it('keeps poison as a dead letter, bytes and all', async () => {
    await log.append([
      { topic: 'prompts', key: 'p0', value: Buffer.from('junk'), headers: {} },
      toAppend('prompts', promptOf(1)),
    ]);
    const stage = await rolloutStage(twoEach);
    await committed('rollout', 'prompts', 2n);
    await stage.stop();
    const [letter] = await decoded('dead-letters');
    expect(Buffer.from(letter?.value ?? [])).toEqual(Buffer.from('junk'));
    expect((await decoded('rollouts')).map((r) => r.promptId)).toEqual(['p1', 'p1']);
  });

  it('marks the place of what an operator leaves out', async () => {
    await log.append([toAppend('rollouts', rolloutOf(promptOf(0), 0, 2))]);
    const stage = await startStage(
      {
        name: 'short',
        input: 'rollouts',
        output: 'rollouts',
        outputTopic: 'verdicts',
        unit: 'record',
        operator: () => filter<Rollout>(() => false),
        credit: 4,
        concurrency: 1,
      },
      environment(),
    );
    await committed('short', 'rollouts', 1n);
    await stage.stop();
    expect(await all('verdicts')).toMatchObject([{ value: null, headers: { gap: 'filtered', sample: '0', of: '2' } }]);
  });

  it('reads no more than its credit of a sink that never finishes', async () => {
    await log.append(Array.from({ length: 100 }, (_, n) => toAppend('prompts', promptOf(n))));
    let seen = 0;
    const stage = await rolloutStage(
      () =>
        mergeMap(() => {
          seen++;
          return NEVER;
        }),
      { concurrency: 100 },
    );
    while (seen < 8) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect([seen, stage.stats.inFlight]).toEqual([8, 8]);
    await stage.stop();
    expect((await log.committed('rollout', 'prompts'))[0]?.offset ?? 0n).toBe(0n);
  });
});

describe('a stage over groups', () => {
  const judged = () => map((r: Rollout) => verdictOf(r, 1));

  it('never commits within a group', async () => {
    const [a, b] = [promptOf(0), promptOf(1)];
    await log.append([rolloutOf(a, 0, 2), rolloutOf(b, 0, 2), rolloutOf(b, 1, 2)].map((r) => toAppend('rollouts', r)));
    const stage = await verifyStage(judged);
    while (stage.stats.outputs < 2) await new Promise((resolve) => setImmediate(resolve));
    expect((await log.committed('verify', 'rollouts'))[0]?.offset ?? 0n).toBe(0n);
    expect(await all('verdicts')).toEqual([]);
    await log.append([toAppend('rollouts', rolloutOf(a, 1, 2))]);
    await committed('verify', 'rollouts', 4n);
    await stage.stop();
    expect((await decoded('verdicts')).map((v) => v.promptId)).toEqual(['p0', 'p0', 'p1', 'p1']);
  });

  it('completes a group with its gaps and hands them on', async () => {
    const prompt = promptOf(0);
    await log.append([
      toAppend('rollouts', rolloutOf(prompt, 0, 2)),
      gapAppend('rollouts', { cause: 'crash', promptId: 'p0', step: 0, sampleIndex: 1, groupSize: 2 }),
      gapAppend('rollouts', { cause: 'prompt-too-long', promptId: 'p1', step: 0, sampleIndex: null, groupSize: 1 }),
    ]);
    const stage = await verifyStage(judged);
    await committed('verify', 'rollouts', 3n);
    await stage.stop();
    expect((await all('verdicts')).map((r) => r.headers.gap ?? 'verdict')).toEqual([
      'verdict',
      'crash',
      'prompt-too-long',
    ]);
  });

  it('makes dead letters of a whole group that fails', async () => {
    await log.append([0, 1].map((i) => toAppend('rollouts', rolloutOf(promptOf(0), i, 2))));
    const stage = await verifyStage(() =>
      map(() => {
        throw new UserError('no-context', 'nothing found');
      }),
    );
    await committed('verify', 'rollouts', 2n);
    await stage.stop();
    expect(letters).toEqual(['verify no-context', 'verify no-context']);
    expect((await all('verdicts')).map((r) => r.headers.sample)).toEqual(['0', '1']);
  });
});

describe('a stage over steps', () => {
  const learnStage = (next: () => number, trained: (records: readonly string[]) => void) =>
    startStage(
      {
        name: 'learn',
        input: 'advantages',
        output: 'metrics',
        unit: 'step',
        credit: 64,
        concurrency: 1,
        steps: {
          prompts: 2,
          unitOf: (step) => step,
          isPast: (unit) => unit < next(),
          mayStart: (unit) => unit === next(),
        },
        vital: true,
        operator: () => (samples) =>
          samples.pipe(
            toArray(),
            mergeMap((batch) => {
              trained(batch.map((sample) => `${sample.promptId}/${sample.sampleIndex}`));
              const [{ run, step } = { run: '', step: -1 }] = batch;
              return of({ run, stage: 'learn', step, time: 0, values: {}, message: null });
            }),
          ),
      },
      environment(),
    );

  it('trains steps in their order though they overlap, and passes over what was trained before', async () => {
    const place = (n: number, step: number) => toAppend('advantages', { ...advantageOf(promptOf(n)), step });
    await log.append([place(4, 2), place(2, 1), place(3, 1), place(0, 0), place(5, 2), place(1, 0)]);
    let step = 0;
    const batches: string[][] = [];
    const trained = (seen: readonly string[]) => {
      batches.push([...seen]);
      step++;
    };
    const stage = await learnStage(() => step, trained);
    await committed('learn', 'advantages', 6n);
    await stage.stop();
    expect(batches).toEqual([
      ['p0/0', 'p1/0'],
      ['p2/0', 'p3/0'],
      ['p4/0', 'p5/0'],
    ]);
    // Also where several of them are committed together.
    expect((await decoded('metrics')).map((metric) => metric.step)).toEqual([0, 1, 2]);
    expect(placeOf(advantageOf(promptOf(5)))).toMatchObject({ promptId: 'p5', sampleIndex: 0 });
  });

  it('ends the run when a step cannot be trained', async () => {
    await log.append([0, 1].map((n) => toAppend('advantages', advantageOf(promptOf(n)))));
    const stage = await learnStage(
      () => 0,
      () => {
        throw new Error('out of memory');
      },
    );
    await expect(stage.ended).rejects.toThrow();
    await stage.stop();
  });
});
