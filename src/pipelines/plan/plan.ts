import type { Method } from '../../methods/method.js';
import { permuted } from '../../methods/permuted.js';
import { methods } from '../../methods/registry.js';
import { isAbsent, registeredMethod } from '../../methods/shape-spec.js';
import type { Transform } from '../../operators/transform.js';
import type { TopicSpec } from '../../topics/log.js';
import { storeOf } from '../../topics/registry.js';
import type { TopicStore } from '../../topics/store.js';
import { withRecorded } from '../feeds/recorded-spec.js';
import type { PipelineSpec } from '../spec/spec.js';
import { copyStage } from '../stages/copy.js';
import type { Plan, PlanStage, StageDefinition, StageTopic, Subject } from '../stages/definition.js';
import { stageDefinitions } from '../stages/registry.js';
import type { ResourceName } from '../stages/resources.js';
import { transformStage } from '../stages/transform.js';
import type { Components } from './components.js';
import { noMethod } from './no-method.js';
import { checkTransforms } from './transforms.js';

export type { Plan, PlanStage, StageDefinition } from '../stages/definition.js';

export interface PlanOptions {
  /** Default: the registered method that the spec names. */
  readonly method?: Method;
  /** Default: the store that the spec names. */
  readonly store?: TopicStore;
  readonly warnings?: readonly string[];
  readonly components?: Components;
}

/** Topics that every run has, whichever stages it runs. */
const always = ['weights', 'metrics', 'dead-letters'];

const manifestTopic = { name: 'manifest', compact: true };
/** What several processes need from each other besides. Only the newest checkpoints are kept. */
const checkpointsTopic = { name: 'checkpoints', retention: { bytes: 4 * 2 ** 30 } };

/** Whether a topic contains the run's own state rather than records of the dataflow. */
export const isShared = (topic: string): boolean =>
  [manifestTopic, checkpointsTopic].some(({ name }) => name === topic);

/** Whether a stage works with a resource. */
export const needs = ({ definition }: PlanStage, resource: ResourceName): boolean =>
  definition.needs.includes(resource);

/** The stages of a plan that work with a resource, such as the one that trains: `stagesWith(plan, 'trainer')`. */
export const stagesWith = ({ stages }: Pick<Plan, 'stages'>, resource: ResourceName): PlanStage[] =>
  stages.filter((stage) => needs(stage, resource));

/**
 * Topics of records that a process reads for these stages: all topics where it is the only one or runs every stage;
 * otherwise only the required ones (ACLs). `weights` tells how far the run is.
 */
export function topicsRead({ store, stages, topics }: Plan, wanted: readonly string[]): ReadonlySet<string> {
  const own = stages.filter(({ name }) => wanted.includes(name));
  if (!store.traits.multiProcess || own.length === stages.length) return new Set(topics.map(({ name }) => name));
  const read = own.flatMap(({ input, definition }) => [input, ...definition.tables, ...definition.continuesFrom]);
  // The token of the prompts is read by a consumer group of its own.
  return new Set(['weights', ...read.filter((name) => name !== 'source')]);
}

/**
 * The graph of a spec and the user's own operators.
 * @throws {UserError} `bad-plan` when an operator follows a topic that the plan does not have; `module-not-loaded`
 * without a method where the spec names a module, which `loadPlan` loads
 */
export function planOf(
  written: PipelineSpec,
  folder: string,
  transforms: readonly Transform[] = [],
  { store: opened, method: given, warnings = [], components = {} }: PlanOptions = {},
): Plan {
  const spec = withRecorded(written, folder);
  const store = opened ?? storeOf(spec.topics);
  const chosen = given ?? (spec.shape === undefined ? noMethod : registeredMethod(spec.shape, methods));
  const method = spec.teach.weights === 'permuted' && !isAbsent(chosen) ? permuted(chosen, spec.seed) : chosen;
  const subject = { spec, folder, method };
  const stages: PlanStage[] = [];
  const created: StageTopic[] = [];
  let flow: Pick<PlanStage, 'input' | 'inputType'> = { input: 'source', inputType: undefined };
  const add = (name: string, definition: PlanStage['definition'], output: string) => {
    const fixed = definition.input && { input: definition.input, inputType: definition.input };
    stages.push({ name, definition, ...flow, ...fixed, output, outputType: definition.output });
    created.push(...definition.otherTopics(subject), { name: output, spread: definition.spreads });
    flow = { input: output, inputType: definition.output };
  };
  for (const definition of definitionsOf(subject)) {
    add(definition.name, definition, definition.output);
    for (const transform of transforms.filter(({ topic }) => topic === definition.output)) {
      const output = `${flow.input}.${transform.name}`;
      add(output, transformStage(transform, definition.spreads), output);
    }
  }
  const topics = topicsOf(store, created);
  checkTransforms(transforms, topics);
  return { ...subject, store, stages, topics, transforms, warnings, components };
}

/** The definitions of a pipeline's stages, in the order of the flow. */
function definitionsOf(subject: Subject): StageDefinition[] {
  const { from } = subject.spec;
  const first = from ? stageDefinitions.findIndex(({ output }) => output === from.topic) + 1 : 0;
  const definitions = stageDefinitions.slice(first).filter(({ isPartOf }) => isPartOf(subject));
  return from ? [copyStage(from), ...definitions] : definitions;
}

function topicsOf({ traits }: TopicStore, created: readonly StageTopic[]): TopicSpec[] {
  const { partitions } = traits;
  const specs = [...created, ...always.map((name): StageTopic => ({ name }))].map(
    ({ name, compact, spread }): TopicSpec => ({
      name,
      partitions: spread ? partitions : 1,
      ...(compact && { compact }),
    }),
  );
  const shared = [manifestTopic, ...(traits.multiProcess ? [checkpointsTopic] : [])].map((topic) => ({
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

/** Topics that a stage of the plan writes. */
export function writtenBy({ definition, input, output }: PlanStage, plan: Plan): string[] {
  const others = definition.otherTopics(plan).filter(({ name, external }) => name !== input && !external);
  return [output, ...definition.emits, ...others.map(({ name }) => name), 'dead-letters'];
}
