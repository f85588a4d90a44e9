import { expect, it } from 'vitest';
import { records, tinyFolder, tinyRun } from '../tiny-run.js';

const judging = { regex: { pattern: '[0-4]' } };
const checking = { regex: { pattern: '[3-9]' } };

it('writes each sample on which two verifiers disagree to its own topic, once', async () => {
  const { folder } = await tinyRun(tinyFolder(), 'run', { steps: 4, verify: { checked: [judging, checking] } });
  const verdicts = await records(folder, 'verdicts');
  const found = await records(folder, 'disagreements');
  const place = (record: { promptId: string; sampleIndex: number }) => `${record.promptId}/${record.sampleIndex}`;
  const differs = ({ completion }: { completion: string }) => /[0-4]/.test(completion) !== /[3-9]/.test(completion);
  expect(found.length).toBeGreaterThan(0);
  expect(found.map(place).sort()).toEqual(verdicts.filter(differs).map(place).sort());
  for (const { completion, judged, checked } of found) {
    expect(judged).toMatchObject({ verifier: 'regex', verdict: /[0-4]/.test(completion) ? 'correct' : 'incorrect' });
    expect(checked.verdict).not.toBe(judged.verdict);
    expect(checked.verifierHash).not.toBe(judged.verifierHash);
  }
});

it('creates the topic only if a verifier is checked', async () => {
  const { summary } = await tinyRun(tinyFolder(), 'run', { steps: 1 });
  expect(summary.records).not.toHaveProperty('disagreements');
});
