import { verify } from '../../operators/verify.js';
import { openVerifier } from '../plan/components.js';
import { sampleCredit } from '../running/credit.js';
import { defineRecordStage } from './definition.js';

export const verifyStage = defineRecordStage<'rollouts', 'verdicts', 'verifier' | 'references'>({
  name: 'verify',
  summary: 'Judges each completion against the reference answer.',
  isPartOf: ({ spec }) => spec.rollout !== undefined,
  output: 'verdicts',
  spreads: true,
  tables: ['references'],
  portable: true,
  // A verifier that a second one checks reports where the two disagree.
  otherTopics: ({ spec }) => (Object.hasOwn(spec.verify, 'checked') ? [{ name: 'disagreements' }] : []),
  decidedBy: ['verify'],
  needs: ['verifier', 'references'],
  check: ({ plan: { spec, folder, components }, attempt }) =>
    attempt(async () => (await openVerifier(spec, folder, components)).close()),
  build: ({ plan: { spec }, resources: { verifier, references } }) => ({
    input: 'rollouts',
    output: 'verdicts',
    unit: 'record',
    operator: (side) =>
      verify(verifier, {
        reference: references,
        disagreed: (disagreement) => side.emit('disagreements', disagreement),
      }),
    credit: sampleCredit(spec),
    concurrency: sampleCredit(spec),
  }),
});
