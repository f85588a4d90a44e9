import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { stageLag } from '../../src/runs/inspect/lag.js';
import { withRunFolder } from '../../src/runs/inspect/run-folder.js';
import { placeLines, runPlace } from '../../src/runs/inspect/waiting.js';
import { type RunEvent, runPipeline } from '../../src/runs/run.js';
import { LOOK_MS, type Stall, stallLines, stallWatch, waitsOf } from '../../src/runs/stall.js';
import { collector } from '../../src/runtime/collector.js';
import { toAppend } from '../../src/topics/record-codec.js';
import { storeOf } from '../../src/topics/registry.js';
import { promptOf, rolloutOf } from '../fakes/records.js';
import { tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

/** A watch on a clock of its own, looked at as often as a run looks. */
function watched() {
  let [now, progress] = [1_000, 1_000];
  const said: (Stall | { readonly moving: number })[] = [];
  const look = stallWatch({
    now: () => now,
    lastProgress: () => progress,
    waits: () => [{ stage: 'learn', what: 'waits for step 4: 1 of 2 prompts complete', since: 7 }],
    onStall: (stall) => void said.push(stall),
    onMoving: (moving) => void said.push({ moving }),
  });
  return {
    said,
    move: () => {
      progress = now;
    },
    pass(ms: number) {
      for (const end = now + ms; now < end; look()) now += LOOK_MS;
    },
  };
}

describe('a stalled run', () => {
  it('says within a minute what it waits for, again every ten minutes, and when it moves', () => {
    const { said, pass, move } = watched();
    pass(60_000);
    expect(said).toEqual([{ seconds: 45, waits: [expect.objectContaining({ stage: 'learn', since: 7 })] }]);
    pass(9 * 60_000);
    expect(said).toHaveLength(1);
    pass(60_000);
    expect(said).toHaveLength(2);
    move();
    pass(LOOK_MS);
    expect(said.at(-1)).toEqual({ moving: 660 });
    pass(60_000);
    expect(said).toHaveLength(4);
  });

  it('is silent exactly as long as it moves', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (pauses) => {
        const { said, pass, move } = watched();
        for (const looks of pauses) {
          const before = said.length;
          pass(looks * LOOK_MS);
          move();
          expect(said.length > before).toBe(looks * LOOK_MS >= 45_000 || said.length > before);
          if (looks * LOOK_MS >= 45_000) expect(said.slice(before).some((one) => 'waits' in one)).toBe(true);
          if (looks * LOOK_MS < 45_000) expect(said.slice(before).some((one) => 'waits' in one)).toBe(false);
        }
      }),
    );
  });

  it('names the oldest of each stage, the version it waits for, or what it reads where nothing is in work', () => {
    const pending = Array.from({ length: 5 }, (_, i) => ({ what: `works on step 4, prompt s${i}`, since: 1000 * i }));
    const stages = [
      { name: 'rollout', input: 'prompts', pending },
      { name: 'verify', input: 'rollouts', pending: [] },
    ];
    const waits = waitsOf(stages, [{ learner: 'weights', awaited: [4, 5] }], 500);
    expect(stallLines({ seconds: 46.4, waits })).toEqual([
      'nothing was finished for 46 s',
      '  rollout: works on step 4, prompt s0, since 1970-01-01T00:00:00.000Z',
      '  rollout: works on step 4, prompt s1, since 1970-01-01T00:00:01.000Z',
      '  rollout: works on step 4, prompt s2, since 1970-01-01T00:00:02.000Z',
      '  rollout: and 2 more, since 1970-01-01T00:00:03.000Z',
      '  weights: waits for version 4 to be published, since 1970-01-01T00:00:00.500Z',
    ]);
    expect(waitsOf(stages.slice(1), [], 500)).toEqual([
      { stage: 'verify', what: 'waits for records of rollouts', since: 500 },
    ]);
  });

  it('knows which samples of a step are missing, and since when', () => {
    let now = 100;
    const steps = { prompts: 2, unitOf: (step: number) => step, isPast: () => false, mayStart: () => true };
    const units = collector(
      { input: 'rollouts', unit: 'step', steps },
      { deadLetter: () => ({ topic: 'dead-letters', key: '', value: null }) },
      () => now++,
    );
    for (const sampleIndex of [0, 2]) {
      const record = { ...rolloutOf({ ...promptOf(7), promptId: 's7', step: 4 }, sampleIndex, 3) };
      const { headers = {}, ...append } = toAppend('rollouts', record);
      units.collect({ ...append, headers, partition: 0, offset: BigInt(sampleIndex), timestamp: 0 });
    }
    expect(units.open()).toEqual([
      { what: 'waits for step 4: 0 of 2 prompts complete; samples so far: s7 has 2', since: 100 },
    ]);
  });
});

it('`rlsd lag` names what a stopped run has yet to finish, and since when', async () => {
  const base = tinyFolder();
  const stop = new AbortController();
  const stopped = tinyRun(base, 'run', {}, { signal: stop.signal, onStep: () => stop.abort() });
  await expect(stopped).rejects.toThrow('stopped');
  const lines = await withRunFolder(join(base, 'run'), async ({ plan, log }) => {
    const rows = await stageLag(plan, log);
    const place = await runPlace(plan, log, rows);
    return placeLines(rows, place, (place.newest ?? 0) + 185_000).join('\n');
  });
  expect(lines).toMatch(/^version \d of 4 is published\nthe newest record was written 3 min ago, at 20\d\d-/);
  expect(lines).toMatch(/(\w+ has yet to finish step \d, .*, there for|no stage has anything to read)/);
});

it('looking at the lag never ends a run', async () => {
  const base = tinyFolder();
  const spec = checkSpec({ ...tinyPipeline, steps: 2 });
  const inner = storeOf(spec.topics);
  const store = {
    ...inner,
    open: async (...place: Parameters<typeof inner.open>) => {
      const log = await inner.open(...place);
      // Only a look at the lag asks for what `verify` has committed.
      const committed: typeof log.committed = (group, topic) =>
        group === 'verify' ? Promise.reject(new Error('no answer')) : log.committed(group, topic);
      return { ...log, committed };
    },
  };
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent) => void events.push(event);
  const summary = await runPipeline({ plan: planOf(spec, base, [], { store }), folder: join(base, 'run'), onEvent });
  expect(summary.steps).toBe(2);
  expect(events.flatMap((event) => (event.event === 'step' ? [event.lag] : []))).toEqual([{}, {}]);
});
