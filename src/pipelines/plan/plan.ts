import type { Method } from '../../methods/method.js';
import { permuted } from '../../methods/permuted.js';
import { methods } from '../../methods/registry.js';
import { isAbsent, registeredMethod } from '../../methods/shape-spec.js';
import type { Transform } from '../../operators/transform.js';
import type { TopicName } from '../../topics/record-codec.js';
import { storeOf } from '../../topics/registry.js';
import type { TopicStore } from '../../topics/store.js';
import { withRecorded } from '../feeds/recorded-spec.js';
import { learnersOf, MAIN_LEARNER, ofLearner, specOfLearner } from '../spec/learners.js';
import type { Locate } from '../spec/parse.js';
import type { PipelineSpec } from '../spec/spec.js';
import { copyStage } from '../stages/copy.js';
import type { Plan, PlannedTopic, PlanStage, StageDefinition, StageTopic, Subject } from '../stages/definition.js';
import { stageDefinitions } from '../stages/registry.js';
import type { ResourceName } from '../stages/resources.js';
import { transformStage } from '../stages/transform.js';
import type { Components } from './components.js';
import { noMethod } from './no-method.js';
import { checkTransforms, registeredTransforms } from './transforms.js';
import { planWarnings } from './warnings.js';

export type { Plan, PlanStage, StageDefinition } from '../stages/definition.js';

export interface PlanOptions {
  /** Default: the registered method that the spec names. */
  readonly method?: Method;
  /** Default: the store that the spec names. */
  readonly store?: TopicStore;
  readonly warnings?: readonly string[];
  /** Where a field of the spec is written. */
  readonly locate?: Locate | undefined;
  readonly components?: Components;
}

/** Topics that every run has, whichever stages it runs. */
const always = ['weights', 'metrics', 'dead-letters'];

/** A topic of a learner: each has its own weights, and all write the same metrics. */
const topicOf = (topic: TopicName, learner: string): string =>
  topic === 'weights' ? ofLearner(topic, learner) : topic;

const manifestTopic = { name: 'manifest', compact: true };
/** What several processes need from each other besides. Only the newest checkpoints are kept. */
const checkpointsTopic = { name: 'checkpoints', retention: { bytes: 4 * 2 ** 30 } };

/** Whether a topic contains the run's own state rather than records of the dataflow. */
export const isShared = (topic: string): boolean =>
  [manifestTopic, checkpointsTopic].some(({ name }) => topic === name || topic.startsWith(`${name}.`));

/** Whether a stage works with a resource. */
export const needs = ({ definition }: PlanStage, resource: ResourceName): boolean =>
  definition.needs.includes(resource);

/** The stages of a plan that work with a resource, such as the one that trains: `stagesWith(plan, 'trainer')`. */
export const stagesWith = ({ stages }: Pick<Plan, 'stages'>, resource: ResourceName): PlanStage[] =>
  stages.filter((stage) => needs(stage, resource));

/** Whether a learner of another kind does the stage's work. What a replay trains, it trains itself. */
export const isExternal = ({ spec }: Pick<Plan, 'spec'>, stage: PlanStage): boolean =>
  spec.learn?.external === true && spec.from === undefined && stage.learner === MAIN_LEARNER && needs(stage, 'trainer');

/**
 * Topics of records that a process reads for these stages: all topics where it is the only one or runs every stage;
 * otherwise only the required ones (ACLs). `weights` tells how far the run is, and that of a learner how far it is.
 */
export function topicsRead({ store, stages, topics }: Plan, wanted: readonly string[]): ReadonlySet<string> {
  const own = stages.filter(({ name }) => wanted.includes(name));
  if (!store.traits.multiProcess || own.length === stages.length) return new Set(topics.map(({ name }) => name));
  const read = own.flatMap(({ input, tables, definition }) => [input, ...tables, ...definition.continuesFrom]);
  // The token of the prompts is read by a consumer group of its own.
  const weights = own.map(({ learner }) => ofLearner('weights', learner));
  return new Set(['weights', ...weights, ...read.filter((name) => name !== 'source')]);
}

/**
 * The graph of a spec and its transforms.
 * @param transforms default: those that the spec names, which must not be modules
 * @throws {UserError} `bad-plan` when an operator follows a topic that the plan does not have; `module-not-loaded`
 * where the spec names a module as a method or transform, which `loadPlan` loads
 */
export function planOf(
  written: PipelineSpec,
  folder: string,
  transforms: readonly Transform[] = registeredTransforms(written),
  { store: opened, method: given, warnings = [], locate, components = {} }: PlanOptions = {},
): Plan {
  const spec = withRecorded(written, folder);
  const store = opened ?? storeOf(spec.topics);
  const chosen = given ?? (spec.shape === undefined ? noMethod : registeredMethod(spec.shape, methods));
  const method = spec.teach.weights === 'permuted' && !isAbsent(chosen) ? permuted(chosen, spec.seed) : chosen;
  const subject = { spec, folder, method };
  const stages: Omit<PlanStage, 'tables'>[] = [];
  const created: StageTopic[] = [];
  const behind = new Map<TopicName, string>();
  let flow: Pick<PlanStage, 'input' | 'inputType'> = { input: 'source', inputType: undefined };
  const add = (definition: StageDefinition, stage: Pick<PlanStage, 'name' | 'learner' | 'output'>) => {
    const { input, output, spreads } = definition;
    const fixed = input && { input: topicOf(input, stage.learner), inputType: input };
    stages.push({ ...stage, definition, ...flow, ...fixed, outputType: output });
    created.push(...definition.otherTopics(subject), { name: stage.output, spread: spreads });
  };
  for (const definition of definitionsOf(subject)) {
    const { name, output, perLearner, spreads } = definition;
    for (const learner of perLearner ? learnersOf(spec) : [MAIN_LEARNER])
      add(definition, { name: ofLearner(name, learner), learner, output: topicOf(output, learner) });
    flow = { input: output, inputType: output };
    for (const transform of transforms.filter(({ topic }) => topic === output)) {
      const transformed = `${flow.input}.${transform.name}`;
      add(transformStage(transform, spreads), { name: transformed, learner: MAIN_LEARNER, output: transformed });
      flow = { input: transformed, inputType: output };
      behind.set(output, transformed);
    }
  }
  const tables = (definition: StageDefinition) => definition.tables(subject).map((type) => behind.get(type) ?? type);
  const placed = stages.map((stage) => ({ ...stage, tables: tables(stage.definition) }));
  const topics = topicsOf(store, spec, created);
  checkTransforms(transforms, topics);
  const told = [...warnings, ...planWarnings({ ...subject, store })];
  return {
    ...subject,
    store,
    stages: placed,
    topics,
    transforms,
    warnings: told,
    components,
    ...(locate && { locate }),
  };
}

/** The definitions of a pipeline's stages, in the order of the flow. */
function definitionsOf(subject: Subject): StageDefinition[] {
  const { from } = subject.spec;
  const first = from ? stageDefinitions.findIndex(({ output }) => output === from.topic) + 1 : 0;
  const definitions = stageDefinitions.slice(first).filter(({ isPartOf }) => isPartOf(subject));
  return from ? [copyStage(from), ...definitions] : definitions;
}

function topicsOf({ traits }: TopicStore, spec: PipelineSpec, created: readonly StageTopic[]): PlannedTopic[] {
  const { partitions } = traits;
  const specs = [...created, ...always.map((name): StageTopic => ({ name }))].map(
    ({ name, compact, spread, external }): PlannedTopic => ({
      name,
      partitions: spread ? partitions : 1,
      ...(compact && { compact }),
      ...(external && { external }),
    }),
  );
  const checkpoints = learnersOf(spec).map((learner) => ({
    ...checkpointsTopic,
    name: ofLearner(checkpointsTopic.name, learner),
  }));
  const shared = [manifestTopic, ...(traits.multiProcess ? checkpoints : [])].map((topic) => ({
    partitions: 1,
    ...topic,
  }));
  return [...new Map([...specs, ...shared].map((topic) => [topic.name, topic])).values()];
}

/** The stages after a topic, by default the first stage's, in the order of the flow, up to those that train. */
export function flowOrder(plan: Pick<Plan, 'stages'>, from = plan.stages[0]?.output): PlanStage[] {
  const next = plan.stages.filter(({ input }) => input === from);
  return next.flatMap((stage) => [stage, ...(needs(stage, 'trainer') ? [] : flowOrder(plan, stage.output))]);
}

/** Fields of the spec that decided a topic's records, or those of the topics before it. */
export function decidedBefore({ stages }: Pick<Plan, 'stages'>, topic: string): string[] {
  const last = stages.findIndex(({ output }) => output === topic);
  return stages.slice(0, last + 1).flatMap(({ definition }) => definition.decidedBy);
}

/** The plan as the stages of one learner see it: with that learner's settings. */
export function planOfLearner(plan: Plan, learner: string): Plan {
  const { learner: object, ...components } = plan.components;
  return {
    ...plan,
    spec: specOfLearner(plan.spec, learner),
    components: { ...components, ...(object && learner === MAIN_LEARNER && { learner: object }) },
  };
}

/** Topics that a stage of the plan writes. */
export function writtenBy({ definition, input, output }: PlanStage, plan: Plan): string[] {
  const others = definition.otherTopics(plan).filter(({ name, external }) => name !== input && !external);
  return [output, ...definition.emits, ...others.map(({ name }) => name), 'dead-letters'];
}
