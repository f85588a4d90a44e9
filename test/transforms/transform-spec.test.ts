import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { transform } from '../../src/operators/transform.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { foreignParts } from '../../src/runs/bundle/foreign.js';
import { transforms } from '../../src/transforms/registry.js';
import { namedTransform, placedEntries, registeredTransform } from '../../src/transforms/transform-spec.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';
import { tinyPipeline } from '../runs/tiny-run.js';

const specOf = (transform: unknown) => checkSpec({ ...tinyPipeline, transform });
const open = (transform: unknown) => placedEntries(specOf(transform).transform).map(registeredTransform);

describe('the transform field', () => {
  it('takes one entry or a list, by name or with settings, next to modules', () => {
    const { transform } = specOf({ rollouts: 'dropRepetitive', verdicts: [{ bestOf: { keep: 2 } }, './mine.mjs'] });
    expect(transform).toEqual({
      rollouts: ['dropRepetitive'],
      verdicts: [{ bestOf: { keep: 2, above: 0 } }, './mine.mjs'],
    });
  });

  it('opens what it names, with unit and whether it drops', () => {
    const opened = open({ verdicts: ['dropUniform', { lengthPenalty: { from: 2, to: 4 } }] });
    expect(opened).toMatchObject([
      { topic: 'verdicts', name: 'dropUniform', unit: 'group', drops: true },
      { topic: 'verdicts', name: 'lengthPenalty', unit: 'record', drops: false },
    ]);
  });

  it.each([
    [{ verdicts: 'dropUnifrom' }, 'transform.verdicts: unknown transform "dropUnifrom"; did you mean dropUniform?'],
    [{ verdicts: [{ bestOf: { keep: 0 } }] }, 'transform.verdicts.0.bestOf.keep: found 0; expected'],
    [{ verdicts: { lengthPenalty: { from: 8, to: 4 } } }, 'transform.verdicts.lengthPenalty: expected from below to'],
    [{ verdicts: { lengthPenalty: {} } }, 'transform.verdicts.lengthPenalty.from: is missing'],
    [{ verdicts: 'lengthPenalty' }, 'lengthPenalty.from: is missing'],
    [{ verdicts: { dropLength: {} } }, 'transform.verdicts.dropLength: drops nothing; expected min, max or truncated'],
    [{ verdicts: { bestoff: {} } }, 'transform.verdicts.bestoff: unknown field; did you mean bestOf?'],
    [{ rollouts: 'bestOf' }, 'transform.rollouts: bestOf cannot follow rollouts; expected verdicts, teacher-scores'],
    [{ verdict: 'bestOf' }, 'transform.verdict: bestOf cannot follow verdict; expected verdicts'],
  ])('%j is refused: %s', (transform, message) => {
    expect(() => open(transform)).toThrow(message);
  });

  it('runs no foreign code but modules', () => {
    const spec = specOf({ verdicts: ['bestOf', './mine.mjs'] });
    expect(foreignParts(spec).filter((line) => line.startsWith('transform'))).toEqual([
      'transform.verdicts: runs ./mine.mjs',
    ]);
  });
});

it('runs in a chain of operators', async () => {
  const best = namedTransform('verdicts', { bestOf: { keep: 1 } });
  const verdicts = [0, 1, 1].map((reward, i) => verdictOf(rolloutOf(promptOf(0), i, 3), reward));
  const failures: unknown[] = [];
  const onDeadLetter = (failure: unknown) => void failures.push(failure);
  const kept = from(verdicts).pipe(transform('verdicts', best.operator, { ...best, onDeadLetter }), toArray());
  expect(await lastValueFrom(kept)).toEqual([verdicts[1]]);
  expect(failures).toEqual([]);
});

it('every transform has settings that are described', () => {
  for (const { settings } of transforms)
    for (const field of Object.values(settings.shape)) expect(field.description).toMatch(/\.$/);
});
