import { describe, expect, it } from 'vitest';
import { collector } from '../../src/runtime/collector.js';
import type { Stage } from '../../src/runtime/stage.js';
import type { LogRecord } from '../../src/topics/log.js';
import { gapAppend, toAppend } from '../../src/topics/record-codec.js';
import { promptOf, rolloutOf } from '../fakes/records.js';

type Append = ReturnType<typeof gapAppend>;

/** Feeds appends to a collector as records of one partition. */
function collecting(stage: Partial<Stage<'rollouts', 'verdicts'>> = {}) {
  const letters: string[] = [];
  const units = collector<'rollouts', 'verdicts'>(
    { input: 'rollouts', unit: 'group', ...stage },
    {
      deadLetter(record, { cause, error }) {
        letters.push(`${record.offset} ${cause}: ${error.message}`);
        return { topic: 'dead-letters', key: cause, value: null };
      },
    },
  );
  let offset = 0n;
  const collect = (append: Append) => {
    const record: LogRecord = { timestamp: 0, headers: {}, ...append, partition: 0, offset: offset++ };
    return units.collect(record);
  };
  return { units, letters, collect };
}

const sample = (n: number, i: number, size = 2) => toAppend('rollouts', rolloutOf(promptOf(n), i, size));
const gap = (n: number, sampleIndex: number | null, groupSize = 2) =>
  gapAppend('rollouts', { cause: 'crash', promptId: `p${n}`, step: 0, sampleIndex, groupSize });

describe('the collector of a stage', () => {
  it('gives a group once it is complete', () => {
    const { units, collect } = collecting();
    collect(sample(0, 0));
    expect(units.next()).toBeUndefined();
    collect(sample(1, 0, 1));
    collect(sample(0, 1));
    expect([units.next()?.key, units.next()?.key, units.next()]).toEqual(['p1', 'p0', undefined]);
  });

  it('completes groups with gaps', () => {
    const { units, collect } = collecting();
    collect(sample(0, 0));
    collect(gap(0, 1));
    collect(gap(1, null));
    expect([units.next()?.entries.length, units.next()?.entries.length]).toEqual([2, 1]);
  });

  it('makes dead letters of duplicates, early and late, and commits past them', () => {
    const { units, letters, collect } = collecting();
    collect(sample(0, 0));
    const early = collect(sample(0, 0));
    collect(sample(0, 1));
    const late = collect(sample(0, 1));
    expect([early.work.finished, late.work.finished]).toEqual([true, true]);
    expect(units.next()?.entries).toHaveLength(2);
    expect(letters).toEqual([
      '1 duplicate: sample p0/0 has arrived before; the first record counts',
      '3 duplicate: sample p0/1 has arrived before; the first record counts',
    ]);
  });

  it.each(['record', 'group'] as const)(
    'recognises copies by unit %s, also of records from before it started',
    (unit) => {
      const { units, letters, collect } = collecting({ unit });
      units.recall({ partition: 0, offset: 0n, timestamp: 0, headers: {}, ...sample(7, 0, 1) });
      const copies = [collect(sample(7, 0, 1)), collect(sample(8, 0, 1)), collect(sample(8, 0, 1))];
      expect(copies.map(({ work }) => work.finished)).toEqual([true, false, true]);
      expect(letters.map((letter) => letter.split(' ')[0])).toEqual(['0', '2']);
    },
  );

  it('makes a dead letter of a sample outside of its group', () => {
    const { letters, collect } = collecting();
    collect({ ...sample(0, 0), value: sample(0, 2).value });
    expect(letters).toEqual(['0 bad-sample: sample p0/2: sampleIndex is 2, expected 0 to 1 (groupSize 2)']);
  });

  it('makes a dead letter of junk, and keeps its place where the headers tell', () => {
    const { units, letters, collect } = collecting();
    collect({ topic: 'rollouts', key: 'x', value: Buffer.from('junk') });
    collect({ topic: 'rollouts', key: 'x', value: null });
    collect(sample(0, 0));
    collect({ ...sample(0, 1), value: Buffer.from('junk') });
    expect(letters.map((letter) => letter.split(':')[0])).toEqual([
      expect.stringMatching(/^0 /),
      '1 no-value',
      expect.stringMatching(/^3 /),
    ]);
    expect(units.next()?.entries.map(({ value }) => value === null)).toEqual([false, true]);
  });

  it('collects a group again after its partition was revoked', () => {
    const { units, letters, collect } = collecting();
    const { work } = collect(sample(0, 0));
    collect(sample(0, 1));
    units.drop(work);
    collect(sample(0, 0));
    collect(sample(0, 1));
    expect([units.waiting(), letters]).toEqual([1, []]);
  });

  it('skips past steps, and starts a step only when it may', () => {
    let next = 1;
    const steps = {
      prompts: 1,
      unitOf: (step: number) => step,
      isPast: (unit: number) => unit < next,
      mayStart: (unit: number) => unit === next,
    };
    const { units, collect } = collecting({ unit: 'step', steps });
    const at = (step: number) => toAppend('rollouts', { ...rolloutOf(promptOf(step), 0, 1), step });
    expect(collect(at(0)).work.finished).toBe(true);
    collect(at(2));
    expect(units.next()).toBeUndefined();
    collect(at(1));
    expect(units.next()?.step).toBe(1);
    next = 2;
    expect(units.next()?.step).toBe(2);
  });

  it('names the units that lack records', () => {
    const { units, collect } = collecting();
    collect(sample(0, 0));
    expect(units.describeOpen()).toBe('group p0: 0 of 1 prompts complete; samples so far: p0 has 1');
  });
});
