import type { Method } from '../../methods/method.js';
import type { Transform } from '../../operators/transform.js';
import type { RunningStage, Stage, StageEnvironment } from '../../runtime/stage.js';
import { startStage } from '../../runtime/start-stage.js';
import type { TopicSpec } from '../../topics/log.js';
import type { TopicName } from '../../topics/record-codec.js';
import type { TopicStore } from '../../topics/store.js';
import type { Components } from '../plan/components.js';
import type { TaskEvaluation } from '../running/evaluate.js';
import type { StepReport } from '../running/step-metrics.js';
import type { Locate } from '../spec/parse.js';
import type { PipelineSpec } from '../spec/spec.js';
import type { RecordedInputs, ResourceName, Resources } from './resources.js';

/** A topic that a stage writes, as the plan creates it. */
export interface StageTopic extends Pick<TopicSpec, 'name' | 'compact'> {
  /** Whether its records are spread over the partitions of a cluster. */
  readonly spread?: boolean;
  /** Whether the stage reads it and others write it: it is created if it is missing, and may have any settings. */
  readonly external?: boolean;
}

/** A topic of a plan, as it is created. */
export interface PlannedTopic extends TopicSpec, Pick<StageTopic, 'external'> {}

/** One stage of a plan: a definition and the topics between which it runs. */
export interface PlanStage {
  /** Unique in the plan; also its consumer group and the name that `--stage` takes. */
  readonly name: string;
  /** The learner that it belongs to; '' for the main one, and for a stage that belongs to none. */
  readonly learner: string;
  readonly definition: StageDefinition;
  readonly input: string;
  /** Which records `input` contains; undefined for the positions in the source of the prompts. */
  readonly inputType: TopicName | undefined;
  readonly output: string;
  readonly outputType: TopicName;
  /** Topics that it looks records up in, behind their transforms. */
  readonly tables: readonly string[];
}

/** A pipeline as a graph of stages and topics; nothing of it runs yet. */
export interface Plan {
  readonly spec: PipelineSpec;
  /** Paths in the spec are relative to it. */
  readonly folder: string;
  /** In the order of the flow. */
  readonly stages: readonly PlanStage[];
  readonly topics: readonly PlannedTopic[];
  readonly transforms: readonly Transform[];
  readonly method: Method;
  /** Where its topics live. */
  readonly store: TopicStore;
  /** Parts given as objects. */
  readonly components: Components;
  /** What the spec should say differently, one line each; reported when the plan runs. */
  readonly warnings: readonly string[];
  /** Where a field of the spec is written, if it was read from a file. */
  readonly locate?: Locate;
}

/** What the definitions of a plan's stages follow from. */
export type Subject = Pick<Plan, 'spec' | 'folder' | 'method'>;

/** What a running stage reports besides its records. */
export interface StageEvents {
  readonly onStep: (report: StepReport) => unknown;
  /** Something that a person should look at. */
  readonly onWarning: (message: string) => void;
  readonly onEvaluation: (step: number, evaluation: TaskEvaluation) => void;
}

/** What a stage starts with. */
export interface StageContext<Needs extends ResourceName> {
  readonly plan: Plan;
  readonly stage: PlanStage;
  readonly environment: StageEnvironment;
  readonly events: StageEvents;
  readonly recorded: RecordedInputs;
  readonly resources: Pick<Resources, Needs>;
}

/** What checks a stage, and what it may read for that. */
export interface CheckContext {
  readonly plan: Plan;
  /** Whether the prompts are read. */
  readonly prompts: boolean;
  /** Whether the privileged documents are read. */
  readonly documents: boolean;
  /** Reports the problem unless the condition holds. */
  readonly demand: (holds: boolean, problem: string) => void;
  /** Reports the `UserError` that the check throws. */
  readonly attempt: (check: () => unknown) => Promise<void>;
}

/**
 * A kind of stage. The plan's graph, topics, checks and access rights, `--stage`, and what a replay may change follow
 * from the definitions; a new one takes a file and a line in `registry.ts`.
 */
export interface StageDefinition {
  readonly name: string;
  readonly summary: string;
  /** Topic that it reads. Default: what the stage before it in the plan writes. */
  readonly input?: TopicName;
  /** Whether the pipeline has this stage. */
  readonly isPartOf: (subject: Subject) => boolean;
  /** Whether each learner has a stage of this kind, with weights of its own. */
  readonly perLearner: boolean;
  /** Records that it writes, and the topic's name unless the plan gives another. */
  readonly output: TopicName;
  /** Whether its output is spread over the partitions of a cluster, so that several processes can read it. */
  readonly spreads: boolean;
  /** Topics that it looks records up in while it runs. */
  readonly tables: (subject: Subject) => readonly TopicName[];
  /** Topics that it reads when it starts, to continue where the run was. */
  readonly continuesFrom: readonly TopicName[];
  /** Topics that it writes besides `output`, which other stages write as well. */
  readonly emits: readonly TopicName[];
  /** Topics it creates besides `output`. */
  readonly otherTopics: (subject: Subject) => readonly StageTopic[];
  /** Whether its output is the same on every processor: it does no float arithmetic with the model. */
  readonly portable: boolean;
  /** Fields of the spec that decide its output, as dotted paths. */
  readonly decidedBy: readonly string[];
  readonly needs: readonly ResourceName[];
  /** Problems that can be found without starting it. */
  readonly check: (context: CheckContext) => Promise<void> | void;
  readonly start: (context: StageContext<never> & { readonly resources: Partial<Resources> }) => Promise<RunningStage>;
}

/** A definition with what it needs as types, and defaults for what most stages do not have. */
type Described<Needs extends ResourceName> = Pick<StageDefinition, 'name' | 'summary' | 'isPartOf' | 'output'> &
  Partial<
    Pick<
      StageDefinition,
      | 'input'
      | 'perLearner'
      | 'spreads'
      | 'tables'
      | 'continuesFrom'
      | 'emits'
      | 'otherTopics'
      | 'portable'
      | 'decidedBy'
      | 'check'
    >
  > & {
    readonly needs: readonly Needs[];
    readonly start: (context: StageContext<Needs>) => Promise<RunningStage>;
  };

/** A definition that starts by itself. */
export function defineStage<Needs extends ResourceName>(described: Described<Needs>): StageDefinition {
  const { name, needs, start } = described;
  return {
    perLearner: false,
    spreads: false,
    tables: () => [],
    continuesFrom: [],
    emits: [],
    portable: false,
    otherTopics: () => [],
    decidedBy: [],
    check: () => {},
    ...described,
    async start(context) {
      const { resources } = context;
      if (!hasAll(resources, needs)) {
        const missing = needs.filter((need) => resources[need] === undefined);
        throw new Error(`stage ${name} was started without ${missing.join(', ')}`);
      }
      return start({ ...context, resources });
    },
  };
}

/** A definition whose records go through the stage runtime. */
export function defineRecordStage<In extends TopicName, Out extends TopicName, Needs extends ResourceName>(
  described: Omit<Described<Needs>, 'start'> & {
    /** What the runtime runs; topics and name are the plan's. */
    readonly build: (context: StageContext<Needs>) => Omit<Stage<In, Out>, 'name' | 'inputTopic' | 'outputTopic'>;
  },
): StageDefinition {
  const { build, ...rest } = described;
  return defineStage<Needs>({
    ...rest,
    start(context) {
      const { name, input, output } = context.stage;
      return startStage({ ...build(context), name, inputTopic: input, outputTopic: output }, context.environment);
    },
  });
}

function hasAll<Needs extends ResourceName>(
  resources: Partial<Resources>,
  needs: readonly Needs[],
): resources is Partial<Resources> & Pick<Resources, Needs> {
  return needs.every((need) => resources[need] !== undefined);
}
