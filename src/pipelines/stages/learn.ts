import { type OperatorFunction, pipe, tap } from 'rxjs';
import { asksTeacher } from '../../methods/method.js';
import { type LearnStep, learn } from '../../operators/learn.js';
import { publishWeights } from '../../operators/publish-weights.js';
import type { Advantage, Weights } from '../../records/records.js';
import type { Side } from '../../runtime/stage.js';
import { UNUSED } from '../../topics/record-codec.js';
import { recordsOf } from '../../topics/scan.js';
import { initialAdapter } from '../plan/adapter.js';
import { checkpointProblems } from '../plan/estimate.js';
import { learnLoss } from '../plan/learn-loss.js';
import { engineProblems } from '../plan/model.js';
import { overlapCredit } from '../running/credit.js';
import { emitDeadLetter } from '../running/dead-letter.js';
import { targetOf } from '../running/signal.js';
import { type SignalWatch, watchSignal } from '../running/signal-warnings.js';
import { type StepReport, stepFigures, stepMetrics } from '../running/step-metrics.js';
import { learnOf, promptsPerStep, roundsOf, stepsOf } from '../spec/sections.js';
import { type CheckContext, defineRecordStage, type StageContext } from './definition.js';
import type { StepFigures } from './resources.js';

type LearnContext = StageContext<'trainer' | 'versions'>;

export const learnStage = defineRecordStage<'advantages', 'weights', 'trainer' | 'versions'>({
  name: 'learn',
  summary: 'Trains on the advantages of a step and publishes the weights.',
  isPartOf: ({ spec }) => spec.learn !== undefined,
  perLearner: true,
  output: 'weights',
  continuesFrom: ['metrics'],
  emits: ['metrics'],
  needs: ['trainer', 'versions'],
  check: checkLearn,
  build(context) {
    const { spec } = context.plan;
    const { trainer, versions } = context.resources;
    const { every } = spec.publish;
    const { method } = context.plan;
    const newWatch = () => watchSignal({ spec, teaching: asksTeacher(method) ? method.name : undefined });
    const progress = { lastStep: context.environment.now(), watch: newWatch() };
    return {
      input: 'advantages',
      output: 'weights',
      unit: 'step',
      operator: (side) => learnOperator(context, side, progress),
      credit: overlapCredit(spec),
      concurrency: 1,
      steps: {
        prompts: promptsPerStep(spec) * every,
        unitOf: (step) => Math.floor(step / every),
        isPast: (unit) => unit < Math.floor(trainer.nextStep() / every),
        mayStart: (unit) => unit === Math.floor(trainer.nextStep() / every),
      },
      async begin() {
        await trainer.takeOver();
        progress.watch = newWatch();
        for await (const report of madeSteps(context, trainer.nextStep())) progress.watch.step(report);
        progress.watch.from(await versions.digestOf(trainer.nextStep()));
      },
      // Ignore the error: waiters poll again.
      committed: () => versions.refresh().catch(() => {}),
      vital: true,
    };
  },
});

/** Reports of the steps before `next`, whichever process made them: what they warned of is not said again. */
async function* madeSteps({ environment: { log }, stage }: LearnContext, next: number): AsyncGenerator<StepReport> {
  for await (const metric of recordsOf(log, 'metrics', ({ key }) => key === stage.name))
    if (metric.step < next) yield metric;
}

function learnOperator(
  { plan: { spec, method }, stage: { name }, environment, events, resources: { trainer, versions } }: LearnContext,
  side: Side,
  progress: { lastStep: number; watch: SignalWatch },
): OperatorFunction<Advantage, Weights> {
  const { run, now } = environment;
  const { nextStep } = trainer;
  const target = targetOf(method, learnOf(spec).loss);
  let stale: Advantage[] = [];
  const onStale = (sample: Advantage, age: number) => {
    stale.push(sample);
    const { maxLag } = spec.flow;
    const error = `sampled by version ${sample.policyVersion}, ${age} versions ago; expected at most ${maxLag}`;
    const id = `${sample.promptId}/${sample.sampleIndex}`;
    emitDeadLetter(environment, side, {
      stage: name,
      cause: 'stale',
      error,
      id,
      key: sample.promptId,
      topic: 'advantages',
    });
  };
  const report = (step: LearnStep<StepFigures>) => {
    const seconds = (now() - progress.lastStep) / 1000;
    const gaps = side.gaps().filter((gap) => gap.step === step.step && gap.cause !== UNUSED);
    const metrics = stepMetrics(step, { seconds, stale, gaps, version: step.step, target, spec });
    const warnings = progress.watch.step(metrics);
    const message = warnings.length > 0 ? warnings.join('; ') : null;
    side.emit('metrics', { run, stage: name, step: step.step, time: now(), values: metrics.values, message });
    events.onStep(metrics);
    for (const warning of warnings) events.onWarning(warning);
    progress.lastStep = now();
    stale = [];
  };
  const compare = ({ version, digest }: Weights) => {
    for (const warning of progress.watch.published(version, digest)) events.onWarning(warning);
  };
  return pipe(
    learn(trainer.learner, {
      prompts: promptsPerStep(spec),
      version: nextStep,
      // Recorded samples are of any age; the metrics tell it.
      maxLag: spec.from ? Number.POSITIVE_INFINITY : spec.flow.maxLag,
      onStale,
      expected: Array.from({ length: spec.publish.every }, (_, i) => nextStep() + i),
    }),
    tap(report),
    publishWeights(trainer.publisher(side.consumed, versions.announce)),
    tap(compare),
  );
}

async function checkLearn({ plan, demand, attempt }: CheckContext): Promise<void> {
  const { publish, flow } = plan.spec;
  const [steps, places, rounds] = [stepsOf(plan.spec), promptsPerStep(plan.spec), roundsOf(plan.spec)];
  const { every } = publish;
  demand(steps % every === 0, `publish.every: found ${every}, expected a divisor of steps (${steps})`);
  demand(
    flow.maxLag >= every - 1,
    `flow.maxLag: found ${flow.maxLag}, expected at least publish.every - 1 (${every - 1})`,
  );
  demand(
    flow.credit === undefined || flow.credit >= places,
    `flow.credit: found ${flow.credit}, expected at least ` +
      `${rounds > 1 ? `learn.prompts times rollout.rounds (${places})` : `learn.prompts (${places})`}: a step's ` +
      'prompts have to be in flight together',
  );
  demand(
    !learnOf(plan.spec).external || plan.store.traits.multiProcess,
    'learn.external: found true, expected topics that another process can write, such as those on Kafka',
  );
  if (plan.components.learner || learnOf(plan.spec).external) return;
  await attempt(async () => {
    const { metrics } = await learnLoss(plan);
    const { name, statistics } = plan.method;
    for (const [owner, taken] of [
      ['every step', stepFigures],
      ['its loss', metrics],
    ] as const)
      for (const figure of Object.keys(statistics).filter((one) => taken.includes(one)))
        demand(false, `method ${name}: statistics.${figure}: ${owner} has a figure of this name; rename the statistic`);
  });
  await attempt(() => initialAdapter(plan.spec, plan.folder));
  await attempt(() => {
    for (const problem of checkpointProblems(plan)) demand(false, problem);
  });
  await attempt(async () => {
    for (const problem of await engineProblems(plan, { trains: { by: 'learn' } })) demand(false, problem);
  });
}
