import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { reporter } from '../../../src/cli/progress.js';
import type { SampleRequest } from '../../../src/engines/policy.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { tinyModel } from '../../models/tiny-model.js';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from '../../runs/tiny-run.js';

/** What a policy answers from version 6 on; null: what it does answer. */
const answers = vi.hoisted(() => ({ late: null as ((prompt: string) => string) | null }));
vi.mock(import('../../../src/runs/open/resources.js'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    async openPolicy(...args: Parameters<typeof original.openPolicy>) {
      const policy = await original.openPolicy(...args);
      return {
        ...policy,
        async sample(version: number, request: SampleRequest) {
          const completions = await policy.sample(version, request);
          const { late } = answers;
          if (version < 6 || !late) return completions;
          const text = late(policy.decode(request.prompt));
          return completions.map((completion) => ({ ...completion, text }));
        },
      };
    },
  };
});
afterEach(() => {
  answers.late = null;
  vi.restoreAllMocks();
});

const trace = (n: number) => `begin with ${n} and count one further on the line`;

/** A folder with a model and twenty prompts. */
function prepared(): string {
  const lines = sums(40).map((line, n) => JSON.stringify({ ...JSON.parse(line), trace: trace(n) }));
  const base = tinyFolder(lines);
  tinyModel({ folder: join(base, 'model'), hiddenSize: 16, layers: 1, contextLength: 256, gain: 2 });
  return base;
}
const twelve = { steps: 12, evaluate: { every: 12 }, prompts: { ...tinyPipeline.prompts, shuffle: false } };

/** The alarms of a run of twelve steps. */
async function alarmsOf(late: (typeof answers)['late']) {
  answers.late = late;
  const base = prepared();
  const { folder, events } = await tinyRun(base, 'run', twelve);
  const alarms = events.filter((event) => event.event === 'alarm');
  const leaks = (await records(folder, 'metrics')).filter(({ stage }) => stage === 'leak');
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const report = reporter(planOf(checkSpec(tinyPipeline), base), false);
  for (const alarm of alarms) report.event(alarm);
  return { alarms, leaks, printed: written.mock.calls.map(([text]) => String(text)).join('') };
}

describe('the leak meters of a run', () => {
  it('sound where the student begins to repeat what the teacher was shown: as an event, on the terminal, in metrics', async () => {
    const { alarms, leaks, printed } = await alarmsOf((prompt) => trace(Number(/(\d+) \+ 1/.exec(prompt)?.[1])));
    const [first] = alarms;
    expect(first).toMatchObject({ stage: 'leak', message: expect.stringContaining('repeat privileged text') });
    expect(first?.step).toBeGreaterThanOrEqual(6);
    expect(printed).toMatch(/alarm.* step \d+: completions repeat privileged text/);
    const told = leaks.filter(({ message }) => message?.includes('repeat privileged text'));
    expect(told.map(({ step }) => step)).toContain(11);
    expect(told.every(({ step }) => step >= 6)).toBe(true);
    expect(leaks.at(-1)?.values).toMatchObject({ leakRepeated: expect.closeTo(1), leakLongestRun: 10 });
    expect(JSON.stringify([...alarms, ...leaks])).not.toContain('count one further');
  });

  it('sound where it cites what it was not shown', async () => {
    const { alarms } = await alarmsOf(() => 'According to the reference solution it is 5');
    expect(alarms.map(({ message }) => message).join()).toContain('cite material that they were not shown');
  });

  it('sound where the answers drift in length', async () => {
    const { alarms } = await alarmsOf(() => 'so '.repeat(40));
    expect(alarms.map(({ message }) => message).join()).toContain('drift in length');
  });

  it('say the same of a run that was stopped and went on, again and again', async () => {
    const leaking = (prompt: string) => trace(Number(/(\d+) \+ 1/.exec(prompt)?.[1]));
    const told = async (stops: readonly number[]) => {
      answers.late = leaking;
      const base = prepared();
      for (const stop of [...stops, 99]) {
        const abort = new AbortController();
        let step = -1;
        const onStep = () => void (++step === stop && abort.abort());
        const run = tinyRun(base, 'run', twelve, { signal: abort.signal, onStep });
        if (stop < 99) await expect(run).rejects.toMatchObject({ code: 'stopped' });
        else await run;
      }
      const leaks = (await records(join(base, 'run'), 'metrics')).filter(({ stage }) => stage === 'leak');
      return leaks.map(({ run, time, ...rest }) => rest);
    };
    const whole = await told([]);
    expect(whole).toHaveLength(12);
    expect(await told([2, 1, 3])).toEqual(whole);
  });

  it('are silent where it does neither', async () => {
    const { alarms, leaks } = await alarmsOf(null);
    expect(alarms.filter(({ message }) => /repeat|cite/.test(message))).toEqual([]);
    expect(leaks.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, step) => step));
    expect(leaks.at(-1)?.values.baseSteps).toBe(5);
  });
});
