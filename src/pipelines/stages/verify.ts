import { mergeMap, of } from 'rxjs';
import { verify } from '../../operators/verify.js';
import type { Disagreement } from '../../records/records.js';
import { openVerifiers } from '../plan/components.js';
import { sampleCredit } from '../running/credit.js';
import { tasksOf } from '../spec/tasks.js';
import { defineRecordStage } from './definition.js';

export const verifyStage = defineRecordStage<'rollouts', 'verdicts', 'verifier' | 'references'>({
  name: 'verify',
  summary: 'Judges each completion against the reference answer.',
  isPartOf: ({ spec }) => spec.rollout !== undefined,
  output: 'verdicts',
  spreads: true,
  tables: () => ['references'],
  portable: true,
  // A verifier that a second one checks reports where the two disagree.
  otherTopics: ({ spec }) =>
    tasksOf(spec).some(({ verify }) => verify && 'checked' in verify) ? [{ name: 'disagreements' }] : [],
  decidedBy: ['verify', 'tasks'],
  needs: ['verifier', 'references'],
  check: ({ plan: { spec, folder, components }, attempt }) =>
    attempt(async () => {
      for (const verifier of (await openVerifiers(spec, folder, components)).values()) await verifier.close();
    }),
  build: ({ plan: { spec }, resources: { verifier, references } }) => ({
    input: 'rollouts',
    output: 'verdicts',
    unit: 'record',
    operator: (side) => {
      const disagreed = (disagreement: Disagreement) => side.emit('disagreements', disagreement);
      return mergeMap((rollout) =>
        of(rollout).pipe(verify(verifier(rollout.itemId), { reference: references, disagreed })),
      );
    },
    credit: sampleCredit(spec),
    concurrency: sampleCredit(spec),
  }),
});
