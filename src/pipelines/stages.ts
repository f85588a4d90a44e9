import { concatMap, EMPTY, from, identity, mergeMap, type OperatorFunction, pipe, tap } from 'rxjs';
import type { Policy } from '../engines/policy.js';
import { readsPrivileged } from '../methods/method.js';
import { type LearnStep, learn, type Trainer } from '../operators/learn.js';
import { type Publisher, publishWeights } from '../operators/publish-weights.js';
import { rollout } from '../operators/rollout.js';
import { type RecordedScores, scoreTeacher, type TeacherSettings } from '../operators/score-teacher.js';
import { shapeAdvantage } from '../operators/shape-advantage.js';
import { type VerifySettings, verify } from '../operators/verify.js';
import type {
  Advantage,
  DeadLetter,
  Metric,
  Prompt,
  Rollout,
  TopicRecords,
  Verdict,
  Weights,
} from '../records/records.js';
import type { Announce } from '../runs/weights/publisher.js';
import type { Versions } from '../runs/weights/versions.js';
import type { OnDeadLetter, Side, Stage, Unit } from '../runtime/stage.js';
import { digest } from '../support/digest.js';
import type { Position } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';
import type { Verifier } from '../verifiers/verifier.js';
import { type Evaluation, type EvaluationItem, type EvaluationSettings, evaluate } from './evaluate.js';
import type { LeakMeter } from './leak-meter.js';
import { type Plan, promptCredit } from './plan.js';
import type { PipelineSpec } from './spec.js';
import { type StepReport, stepMetrics } from './step-metrics.js';
import { throughOperator } from './through-operator.js';

/** What the stages of a plan work with; a process that runs only some of them needs only their part. */
export interface Resources {
  readonly run: string;
  readonly now: () => number;
  readonly policy: Policy;
  readonly versions: Versions;
  readonly verifier: Verifier;
  readonly reference: VerifySettings['reference'];
  readonly teacher: Pick<TeacherSettings, 'privileged' | 'prompt' | 'templateHash'> & {
    /** Follows the `privileged` topic to its end. */
    readonly catchUp: () => Promise<void>;
  };
  readonly leaks: LeakMeter;
  readonly heldOut: readonly EvaluationItem[];
  readonly evaluation: Omit<EvaluationSettings, 'failed'>;
  readonly learner: Trainer<Readonly<Record<string, number>>>;
  /** Makes the publisher for a unit, whose consumed offsets are given. */
  readonly publisher: (
    offsets: () => readonly Position[],
    announce: Announce,
  ) => Publisher<Readonly<Record<string, number>>>;
  /** The next step to train. */
  readonly nextStep: () => number;
  /** In a replay: the version that sampled a prompt, where that was a matter of timing. */
  readonly sampledBy?: (promptId: string) => number | undefined;
  /** In a replay: what the teacher was shown, and its scores where they would come out the same. */
  readonly recordedScores?: RecordedScores;
  /** Brings the learner to where the committed weights left it, whoever made them. */
  readonly takeOver: () => Promise<void>;
  readonly onDeadLetter: OnDeadLetter;
  readonly onStep: (report: StepReport) => unknown;
  readonly onEvaluation: (step: number, evaluation: Evaluation) => void;
}

export type AnyStage = { [In in TopicName]: { [Out in TopicName]: Stage<In, Out> }[TopicName] }[TopicName];

/** The stages of a plan by name, ready to start; `ingest` is none of them, since it reads no topic. */
export function stagesOf(plan: Plan, resources: Resources): ReadonlyMap<string, AnyStage> {
  const { spec } = plan;
  const prompts = promptCredit(spec);
  const samples = prompts * spec.rollout.group;
  const of = (name: string) => plan.stages.find((stage) => stage.name === name);
  const stage = <In extends TopicName, Out extends TopicName>(
    name: string,
    input: In,
    output: Out,
    unit: Unit,
    operator: (side: Side) => OperatorFunction<TopicRecords[In], TopicRecords[Out]>,
    rest: Partial<Stage<In, Out>> = {},
  ): [string, Stage<In, Out>] => {
    const names = { inputTopic: of(name)?.input ?? input, outputTopic: of(name)?.output ?? output };
    return [name, { name, input, output, ...names, unit, operator, credit: samples, concurrency: 1, ...rest }];
  };
  const lastStep = { at: resources.now() };
  const scored = plan.stages.some(({ does }) => does === 'teach') ? 'teacher-scores' : 'verdicts';
  const stages = [
    stage('rollout', 'prompts', 'rollouts', 'record', () => rolloutOf(spec, resources), {
      credit: prompts,
      concurrency: prompts,
      waiting: resources.versions.waiting,
    }),
    stage('verify', 'rollouts', 'verdicts', 'record', (side) => verifyOf(resources, side), {
      concurrency: samples,
    }),
    stage('teach', 'verdicts', 'teacher-scores', 'group', teacherOf(plan, resources), { concurrency: prompts }),
    stage('shape', scored, 'advantages', 'group', () =>
      shapeAdvantage(plan.method, { decode: resources.policy.decode }),
    ),
    stage('learn', 'advantages', 'weights', 'step', (side) => learnOf(spec, resources, side, lastStep), {
      credit: Math.max(samples, spec.learn.prompts * spec.rollout.group * (spec.flow.maxLag + spec.publish.every + 1)),
      steps: {
        prompts: spec.learn.prompts * spec.publish.every,
        unitOf: (step) => Math.floor(step / spec.publish.every),
        isPast: (unit) => unit < Math.floor(resources.nextStep() / spec.publish.every),
        mayStart: (unit) => unit === Math.floor(resources.nextStep() / spec.publish.every),
      },
      begin: resources.takeOver,
      // A look that fails is done again by who waits for weights.
      committed: () => resources.versions.look().catch(() => {}),
      vital: true,
    }),
    stage('evaluate', 'weights', 'metrics', 'record', (side) => evaluateOf(spec, resources, side)),
    ...plan.through.map((op, i) => {
      const named = plan.stages.filter(({ does }) => does === 'through')[i];
      return stage(named?.name ?? op.name, op.topic, op.topic, 'record', () => throughOperator(op));
    }),
  ];
  return new Map(stages.filter(([name]) => of(name)) as [string, AnyStage][]);
}

/** The student's side: nothing that holds privileged context comes in here. */
export function rolloutOf(
  { rollout: settings, flow }: Pick<PipelineSpec, 'rollout' | 'flow'>,
  { policy, versions, sampledBy }: Pick<Resources, 'policy' | 'versions' | 'sampledBy'>,
) {
  const { group, temperature, topK, topP, minP, maxTokens, stop } = settings;
  const sampling = {
    temperature,
    maxTokens,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(stop && { stop }),
  };
  const version = (prompt: Prompt) => {
    const before = sampledBy?.(prompt.promptId);
    return before === undefined ? versions.atLeast(prompt.step - flow.maxLag) : versions.exactly(before);
  };
  const published = async (sampled: Rollout) => {
    await versions.published(sampled.policyVersion);
    return sampled;
  };
  return pipe(rollout(policy, { group, sampling, version }), concatMap(published));
}

function verifyOf({ verifier, reference }: Resources, side: Side): OperatorFunction<Rollout, Verdict> {
  return verify(verifier, { reference, disagreed: (disagreement) => side.emit('disagreements', disagreement) });
}

function teacherOf({ spec: { teach }, method }: Plan, { policy, versions, teacher, leaks, recordedScores }: Resources) {
  const version = async (policyVersion: number) => {
    const snapshot = policyVersion - (policyVersion % teach.every);
    // In a replay the samples are there before the weights.
    await versions.published(snapshot);
    await versions.ready(snapshot);
    return snapshot;
  };
  // Documents that came, changed or were forgotten count from the next step on.
  let step = -1;
  const follow = async (verdict: Verdict) => {
    if (verdict.step !== step) {
      step = verdict.step;
      await teacher.catchUp();
    }
    return verdict;
  };
  const settings = { ...teacher, version, ...(recordedScores && { recorded: recordedScores }) };
  // Without privileged context there is nothing that could leak.
  const measure = (side: Side) => (readsPrivileged(method) ? leaks(side) : identity);
  return (side: Side) => pipe(concatMap(follow), scoreTeacher(policy, method, settings), measure(side));
}

function learnOf(
  spec: PipelineSpec,
  resources: Resources,
  side: Side,
  lastStep: { at: number },
): OperatorFunction<Advantage, Weights> {
  const { run, now, learner, nextStep, onStep } = resources;
  let stale = 0;
  const tossed = (sample: Advantage, age: number) => {
    stale++;
    const error = `sampled by version ${sample.policyVersion}, ${age} versions ago; expected at most ${spec.flow.maxLag}`;
    const id = `${sample.promptId}/${sample.sampleIndex}`;
    toss(resources, side, { stage: 'learn', cause: 'stale', error, id, key: sample.promptId, topic: 'advantages' });
  };
  const report = (step: LearnStep<Readonly<Record<string, number>>>) => {
    const seconds = (now() - lastStep.at) / 1000;
    const metrics = stepMetrics(step, { seconds, stale, version: step.step });
    side.emit('metrics', { run, stage: 'learn', step: step.step, time: now(), values: metrics.values, message: null });
    onStep(metrics);
    lastStep.at = now();
    stale = 0;
  };
  return pipe(
    learn(learner, {
      prompts: spec.learn.prompts,
      version: nextStep,
      maxLag: spec.flow.maxLag,
      onStale: tossed,
      expected: Array.from({ length: spec.publish.every }, (_, i) => nextStep() + i),
    }),
    tap(report),
    publishWeights(resources.publisher(() => side.consumed, resources.versions.announce)),
  );
}

function evaluateOf(spec: PipelineSpec, resources: Resources, side: Side): OperatorFunction<Weights, Metric> {
  const { run, now, policy, versions, heldOut, verifier, evaluation, onEvaluation } = resources;
  const measure = async (version: number): Promise<Metric> => {
    await versions.hold(version);
    const failed: EvaluationSettings['failed'] = ({ itemId, source }, { code, message }) => {
      const error = `${source}: held-out question at version ${version}: ${message}`;
      const id = `${itemId}@${version}`;
      toss(resources, side, { stage: 'evaluate', cause: code, error, id, key: itemId, topic: 'source' });
    };
    try {
      const result = await evaluate(policy, version, heldOut, verifier, { ...evaluation, failed });
      onEvaluation(version, result);
      return { run, stage: 'evaluate', step: version, time: now(), values: { ...result }, message: null };
    } finally {
      versions.release(version);
    }
  };
  const due = (version: number) =>
    heldOut.length > 0 && (version % spec.evaluate.every === 0 || version === spec.steps);
  return mergeMap((weights: Weights) => (due(weights.version) ? from(measure(weights.version)) : EMPTY));
}

/** A dead letter of what is no single record of the stage's input. */
function toss(
  { run, now, onDeadLetter }: Resources,
  side: Side,
  letter: Pick<DeadLetter, 'stage' | 'cause' | 'error' | 'id' | 'key' | 'topic'>,
): void {
  const { stage, cause, error } = letter;
  onDeadLetter(stage, cause, error);
  const id = digest(cause, letter.id).slice(0, 16);
  const nowhere = { partition: 0, offset: -1n, value: null, headers: {} };
  side.emit('dead-letters', { ...letter, ...nowhere, run, id, attempts: 1, time: now() });
}
