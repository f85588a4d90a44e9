import { EMPTY, from, mergeMap, type OperatorFunction } from 'rxjs';
import type { Metric, Weights } from '../../records/records.js';
import type { Side } from '../../runtime/stage.js';
import { seedOf } from '../../support/digest.js';
import { promptCredit } from '../running/credit.js';
import { emitDeadLetter } from '../running/dead-letter.js';
import {
  correctIn,
  countCorrect,
  type Draws,
  type EvaluationItem,
  type EvaluationSettings,
  evaluationValues,
  GREEDY,
  type HeldOutCounts,
  inTotal,
  type JudgedAnswer,
} from '../running/evaluate.js';
import { isLastVersion } from '../spec/extended.js';
import { evaluationOf } from '../spec/sections.js';
import { messagesOf, taskNameOf, tasksOf } from '../spec/tasks.js';
import { defineRecordStage, type StageContext } from './definition.js';

type EvaluateContext = StageContext<'policy' | 'versions' | 'verifier' | 'source'>;

export const evaluateStage = defineRecordStage<'weights', 'metrics', 'policy' | 'versions' | 'verifier' | 'source'>({
  name: 'evaluate',
  summary: 'Measures published weights on the held-out prompts.',
  input: 'weights',
  isPartOf: ({ spec }) => spec.learn !== undefined || spec.rollout === undefined,
  perLearner: true,
  output: 'metrics',
  otherTopics: () => [{ name: 'evaluations' }],
  continuesFrom: ['metrics'],
  decidedBy: ['evaluate'],
  needs: ['policy', 'versions', 'verifier', 'source'],
  build: (context) => ({
    input: 'weights',
    output: 'metrics',
    unit: 'record',
    operator: (side) => evaluateOperator(context, side),
    credit: promptCredit(context.plan.spec),
    concurrency: 1,
  }),
});

function evaluateOperator(context: EvaluateContext, side: Side): OperatorFunction<Weights, Metric> {
  const { spec } = context.plan;
  const { heldOut } = context.resources.source;
  const isDue = (version: number) =>
    heldOut.length > 0 && (version % spec.evaluate.every === 0 || isLastVersion(version, spec));
  return mergeMap(({ version }: Weights) => (isDue(version) ? from(measure(version, context, side)) : EMPTY));
}

async function measure(version: number, context: EvaluateContext, side: Side): Promise<Metric> {
  const { plan, stage, environment, events, resources } = context;
  const { policy, versions, verifier, source } = resources;
  const failed: EvaluationSettings['failed'] = ({ itemId, source }, { code, message }) => {
    const error = `${source}: held-out question at version ${version}: ${message}`;
    const id = `${itemId}@${version}`;
    emitDeadLetter(environment, side, { stage: stage.name, cause: code, error, id, key: itemId, topic: 'source' });
  };
  const { draws, ...limits } = evaluationOf(plan.spec);
  const seed = (itemId: string, sample: number) => seedOf(plan.spec.seed, 'evaluate', itemId, sample, version);
  const recorded = (item: EvaluationItem, answers: readonly JudgedAnswer[], { temperature }: Draws) => {
    for (const [sampleIndex, { text, tokens, verdict, reward, reason }] of answers.entries())
      side.emit('evaluations', {
        ...{ run: environment.run, stage: stage.name, version, itemId: item.itemId, level: item.level ?? null },
        ...{ temperature, sampleIndex, completion: text, tokens, verdict, reward, reason },
      });
  };
  await versions.pin(version);
  try {
    const byTask = new Map<string, HeldOutCounts>();
    const byLevel = new Map<string, HeldOutCounts>();
    for (const task of tasksOf(plan.spec)) {
      const [first, ...others] = source.heldOut.filter(({ itemId }) => taskNameOf(plan.spec, itemId) === task.name);
      if (!first) continue;
      const items = [first, ...others];
      const judge = verifier(first.itemId);
      const settings = { messages: (item: EvaluationItem) => messagesOf(task, item), ...limits, seed };
      const count = (kind: keyof HeldOutCounts, drawn: Draws, onFailure: EvaluationSettings['failed']) =>
        countCorrect(policy, version, items, judge, {
          ...settings,
          draws: drawn,
          failed: onFailure,
          judged(item, answers) {
            recorded(item, answers, drawn);
            if (item.level !== undefined) levelCounts(byLevel, item.level)[kind].push(correctIn(answers));
          },
        });
      byTask.set(task.name, {
        greedy: await count('greedy', GREEDY, failed),
        // What fails has been told of the greedy answers.
        sampled: draws ? await count('sampled', draws, () => {}) : [],
      });
    }
    const result = inTotal(byTask, draws, byLevel);
    events.onEvaluation(version, result);
    const { run, now } = environment;
    return { run, stage: stage.name, step: version, time: now(), values: evaluationValues(result), message: null };
  } finally {
    versions.unpin(version);
  }
}

function levelCounts(byLevel: Map<string, HeldOutCounts>, level: string): HeldOutCounts {
  const counts = byLevel.get(level) ?? { greedy: [], sampled: [] };
  byLevel.set(level, counts);
  return counts;
}
