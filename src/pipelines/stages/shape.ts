import { isAbsent } from '../../methods/shape-spec.js';
import { shapeAdvantage } from '../../operators/shape-advantage.js';
import { sampleCredit } from '../running/credit.js';
import { defineRecordStage } from './definition.js';

export const shapeStage = defineRecordStage<'verdicts' | 'teacher-scores', 'advantages', 'policy'>({
  name: 'shape',
  summary: 'Turns the rewards of a group into what each token is trained on.',
  isPartOf: ({ spec }) => spec.shape !== undefined,
  output: 'advantages',
  portable: true,
  decidedBy: ['shape'],
  needs: ['policy'],
  check({ plan: { method }, demand }) {
    demand(
      !isAbsent(method),
      `shape: ${method.name} was given as an object by another program: run it from there, or name a module`,
    );
  },
  build: ({ plan: { spec, method }, stage, resources: { policy } }) => ({
    input: stage.inputType === 'teacher-scores' ? 'teacher-scores' : 'verdicts',
    output: 'advantages',
    unit: 'group',
    operator: () => shapeAdvantage(method, { decode: policy.decode }),
    credit: sampleCredit(spec),
    concurrency: 1,
  }),
});
