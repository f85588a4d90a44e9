import type { OperatorFunction } from 'rxjs';
import { asksTeacher, type Method } from '../methods/method.js';
import { methods } from '../methods/registry.js';
import { recordMethod, registeredMethod } from '../methods/shape-spec.js';
import type { TopicRecords } from '../records/records.js';
import { nearest, UserError } from '../support/errors.js';
import type { TopicSpec } from '../topics/log.js';
import { groupTopics, type TopicName } from '../topics/record-codec.js';
import { contextOf } from './context.js';
import { checkSpec } from './parse.js';
import type { PipelineInput, PipelineSpec } from './spec.js';

/** Topics behind which a user's own operator fits: those whose records belong to a prompt's group. */
export type GroupTopic = 'rollouts' | 'verdicts' | 'teacher-scores' | 'advantages';

/** A user's operator behind a topic. It gives out, for each record, that record changed, or nothing: then the sample is left out. */
export interface Through<T extends GroupTopic = GroupTopic> {
  readonly topic: T;
  readonly name: string;
  readonly operator: () => OperatorFunction<TopicRecords[T], TopicRecords[T]>;
}

export type StageName = 'ingest' | 'rollout' | 'verify' | 'teach' | 'shape' | 'learn' | 'evaluate';

/** One stage of the graph: which topics it reads and writes. */
export interface PlanStage {
  /** A stage's own name, or `TOPIC.NAME` for a user's operator. */
  readonly name: string;
  readonly does: StageName | 'through';
  readonly input: string;
  readonly output: string;
  /** Topics that it looks things up in. */
  readonly tables: readonly string[];
}

/** A pipeline as a graph of stages and topics; nothing of it runs yet. */
export interface Plan {
  readonly spec: PipelineSpec;
  /** Paths in the spec are relative to it. */
  readonly folder: string;
  readonly stages: readonly PlanStage[];
  readonly topics: readonly TopicSpec[];
  readonly through: readonly Through[];
  readonly method: Method;
  /** What the spec should say differently, one line each; told when the plan runs. */
  readonly warnings: readonly string[];
}

export interface PlanOptions {
  /** Default: the registered method that the spec names. */
  readonly method?: Method;
  readonly warnings?: readonly string[];
}

const manifestTopic = { name: 'manifest', compact: true };
/** What processes without a folder in common need of each other besides. The newest checkpoints stay, older ones are dropped. */
const sharedTopics = [manifestTopic, { name: 'checkpoints', retention: { bytes: 4 * 2 ** 30 } }];

/** Prompts that may be in flight in a stage. */
export const promptCredit = ({ flow, learn }: PipelineSpec): number =>
  flow.credit ?? 2 * learn.prompts * (flow.maxLag + 1);

/** Topics that hold no records of the dataflow. */
export const isShared = (topic: string): boolean => sharedTopics.some(({ name }) => name === topic);

/**
 * Topics of records that a process reads for these stages. Where it runs all of them, or nobody else can come to the topics, that is
 * every topic; otherwise no more than the stages need, since on a cluster it may have no right to others. Weights tell how far the run is.
 */
export function topicsRead({ spec, stages, topics }: Plan, wanted: readonly string[]): ReadonlySet<string> {
  const own = stages.filter(({ name }) => wanted.includes(name));
  if (spec.topics === 'embedded' || own.length === stages.length) return new Set(topics.map(({ name }) => name));
  const lookedUp = own.flatMap(({ does }) => {
    if (does === 'ingest') return ['privileged']; // what was forgotten is not written again
    return does === 'teach' || does === 'evaluate' ? ['metrics'] : []; // the measurements so far
  });
  return new Set(['weights', ...own.flatMap(({ input, tables }) => [input, ...tables]), ...lookedUp]);
}

/** Whether the spec's verifier is checked by a second; then the plan has a topic of their disagreements. */
const isChecked = (spec: PipelineSpec): boolean => Object.hasOwn(spec.verify, 'checked');

/**
 * The graph of a spec and the user's own operators.
 * @throws {UserError} `bad-plan` when an operator is put behind a topic that is not there; `module-not-loaded` without a
 * method where the spec names a module, which `loadPlan` loads.
 */
export function planOf(
  spec: PipelineSpec,
  folder: string,
  through: readonly Through[] = [],
  { method = registeredMethod(spec.shape, methods), warnings = [] }: PlanOptions = {},
): Plan {
  const teaches = asksTeacher(method);
  const present: readonly TopicName[] = groupTopics.filter((topic) => teaches || topic !== 'teacher-scores');
  for (const { topic } of through) {
    if (present.includes(topic)) continue;
    const near = nearest(topic, present);
    const hint = near ? `did you mean ${near}?` : `expected one of ${present.join(', ')}`;
    throw new UserError('bad-plan', `through.${topic}: the plan has no such topic of samples; ${hint}`);
  }
  /** The name under which a topic's records leave the last operator behind it. */
  const behind = (topic: TopicName) =>
    through.filter((op) => op.topic === topic).reduce((input, op) => `${input}.${op.name}`, topic as string);
  const stage = (does: StageName, input: string, output: string, ...tables: string[]): PlanStage => ({
    name: does,
    does,
    input,
    output,
    tables,
  });
  const scored = teaches ? 'teacher-scores' : 'verdicts';
  const named = new Map<string, string>();
  const operators = through.map((op): PlanStage => {
    const input = named.get(op.topic) ?? op.topic;
    const output = `${input}.${op.name}`;
    named.set(op.topic, output);
    return { name: output, does: 'through', input, output, tables: [] };
  });
  const stages = [
    stage('ingest', 'source', 'prompts'),
    stage('rollout', 'prompts', 'rollouts', 'weights'),
    stage('verify', behind('rollouts'), 'verdicts', 'references'),
    ...(teaches ? [stage('teach', behind('verdicts'), 'teacher-scores', 'privileged', 'weights')] : []),
    stage('shape', behind(scored as TopicName), 'advantages'),
    stage('learn', behind('advantages'), 'weights'),
    stage('evaluate', 'weights', 'metrics'),
    ...operators,
  ];
  const topic = (name: string, rest: Partial<TopicSpec> = {}): TopicSpec => ({ name, partitions: 1, ...rest });
  // The learner is one process, and reads the steps of all prompts.
  const shared = { partitions: spec.topics === 'embedded' ? 1 : spec.topics.kafka.partitions };
  const spread = (name: string) => topic(name, name.split('.')[0] === 'advantages' ? {} : shared);
  const topics = [
    ...['source', 'weights', 'metrics', 'dead-letters'].map((name) => topic(name)),
    ...['prompts', ...present, ...operators.map(({ output }) => output)].map(spread),
    ...(isChecked(spec) ? [topic('disagreements')] : []),
    ...['references', 'privileged'].map((name) => topic(name, { compact: true })),
    ...(spec.topics === 'embedded' ? [manifestTopic] : sharedTopics).map(({ name, ...rest }) => topic(name, rest)),
    ...contextOf(spec).sources.flatMap((source) => ('topic' in source ? [topic(source.topic)] : [])),
  ];
  return { spec, folder, stages, topics, through, method, warnings };
}

/** The stages that lie after a topic, each after those that write what it reads; the evaluation apart, which lies after the weights. */
export function flowOrder(plan: Pick<Plan, 'stages'>, from = 'prompts'): PlanStage[] {
  const next = plan.stages.filter(({ input, does }) => input === from && does !== 'evaluate');
  return next.flatMap((stage) => [stage, ...(stage.does === 'learn' ? [] : flowOrder(plan, stage.output))]);
}

export interface PipelineBuilder {
  /** Puts an operator between a topic and the stages that read it. */
  through<T extends GroupTopic>(
    topic: T,
    name: string,
    operator: () => OperatorFunction<TopicRecords[T], TopicRecords[T]>,
  ): PipelineBuilder;
  /** @param folder what the spec's paths are relative to */
  plan(folder?: string): Plan;
}

/**
 * A pipeline in TypeScript: the same spec as in YAML, checked by the compiler, with operators of one's own between the stages.
 *
 * @example
 * const plan = pipeline({ pipeline: 'sums', steps: 50, model: { base: 'models/sums' }, prompts: { file: 'sums.jsonl' }, … })
 *   .through('verdicts', 'shorter', () => map((verdict) => ({ ...verdict, reward: verdict.reward - verdict.completion.length / 1000 })))
 *   .plan();
 */
export function pipeline(input: PipelineInput): PipelineBuilder {
  const { shape } = input;
  const method = isMethod(shape) ? shape : undefined;
  const data = method ? { ...input, shape: recordMethod(method) } : input;
  const build = (operators: readonly Through[]): PipelineBuilder => ({
    through: (topic, name, operator) => build([...operators, { topic, name, operator } as unknown as Through]),
    plan(folder = process.cwd()) {
      const warnings: string[] = [];
      const spec = checkSpec(data, { warn: (warning) => void warnings.push(warning) });
      return planOf(spec, folder, operators, { ...(method && { method }), warnings });
    },
  });
  return build([]);
}

const isMethod = (shape: PipelineInput['shape']): shape is Method =>
  typeof shape === 'object' && 'shape' in shape && typeof shape.shape === 'function';
