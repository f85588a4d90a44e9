import { extensionProblem } from './extended.js';
import type { PipelineSpec } from './spec.js';

/** A rule between fields that a spec breaks. */
export interface SpecProblem {
  readonly field: string;
  readonly problem: string;
}

interface Rule extends SpecProblem {
  readonly holds: boolean;
}

/** What rules look at. A section of which fields are wrong may lack some of them. */
export type RuledSpec = Partial<
  Pick<PipelineSpec, 'steps' | 'extended' | 'learners' | 'shape' | 'prompts' | 'tasks' | 'verify'>
> & {
  readonly [K in 'learn' | 'rollout' | 'from' | 'evaluate']?: Partial<NonNullable<PipelineSpec[K]>> | undefined;
};

/** What a spec lacks, and what does not go together. */
export function specProblems(spec: RuledSpec): readonly SpecProblem[] {
  return [...rules(spec), ...promptRules(spec), ...flowRules(spec)].filter(({ holds }) => !holds);
}

/** Samples of a step, which are in memory together. */
const MAX_STEP = 1_000_000;

function rules(spec: RuledSpec): Rule[] {
  const { learn, learners, steps, shape, from, rollout } = spec;
  const unordered = extensionProblem(spec);
  const rounds = learn ? (rollout?.rounds ?? 1) : 1;
  const samples = (learn?.prompts ?? 1) * (rollout?.group ?? 1) * rounds;
  return [
    {
      field: 'rollout.group',
      // A number that is none, or missing, is a problem of its own.
      holds: rollout?.group === undefined || !(samples > MAX_STEP),
      problem:
        `found ${rollout?.group}, which ` +
        `${learn?.prompts === undefined ? '' : `with learn.prompts (${learn.prompts}) `}` +
        `${rounds === 1 ? '' : `in ${rounds} rollout.rounds `}makes ${samples} samples ` +
        `per step; expected at most ${MAX_STEP}`,
    },
    {
      field: 'steps',
      holds: !learn || steps !== undefined,
      problem: 'is missing; expected a number, the steps of learn',
    },
    {
      field: 'extended',
      holds: unordered === undefined,
      problem: unordered ?? '',
    },
    {
      field: 'learners',
      holds: !learners || learn !== undefined,
      problem: 'needs learn; expected the settings that each learner starts from',
    },
    {
      field: 'shape',
      // What was shaped before says how.
      holds: !learn || shape !== undefined || from?.topic === 'advantages',
      problem: 'is missing; expected a method, since learn trains on advantages',
    },
  ];
}

function promptRules({ prompts, tasks, from, verify, evaluate }: RuledSpec): Rule[] {
  const judgesItself = tasks !== undefined && Object.values(tasks).every((task) => task.verify);
  const isJudged = from !== undefined && from.topic !== 'rollouts' && !prompts && !tasks;
  return [
    {
      field: 'evaluate.file',
      holds: evaluate?.file === undefined || (prompts !== undefined && !prompts.heldOut),
      problem: tasks
        ? 'does not go with tasks; expected prompts.heldOut in each task'
        : prompts
          ? 'does not go with prompts.heldOut; expected one or the other'
          : 'needs prompts, which it is held out from',
    },
    {
      field: 'prompts',
      holds: !prompts || !tasks,
      problem: 'does not go with tasks, which have their own; expected one or the other',
    },
    {
      field: 'prompts',
      holds: Boolean(prompts ?? tasks ?? from),
      problem: 'is missing; expected prompts, tasks or from',
    },
    { field: 'verify', holds: Boolean(verify) || judgesItself || isJudged, problem: 'is missing; expected a verifier' },
  ];
}

/** What has to follow each topic that a pipeline can begin with. */
const nextOf: ReadonlyMap<string | undefined, string> = new Map([
  ['rollouts', 'verify'],
  ['verdicts', 'shape'],
  ['teacher-scores', 'shape'],
  ['advantages', 'learn'],
]);

function flowRules({ from, shape, learn, rollout, evaluate }: RuledSpec): Rule[] {
  if (from) {
    const next = nextOf.get(from.topic);
    if (next === undefined) return [];
    const follows = next === 'verify' || (next === 'shape' ? shape : learn) !== undefined;
    return [{ field: next, holds: follows, problem: `is missing; expected it, as nothing else reads ${from.topic}` }];
  }
  return [
    {
      field: 'rollout',
      holds: !shape || rollout !== undefined,
      problem: 'is missing; expected how to sample, since shape needs samples',
    },
    {
      field: 'rollout',
      holds: rollout !== undefined || evaluate?.maxTokens !== undefined,
      problem: 'is missing; expected how to sample, or evaluate.maxTokens to measure only',
    },
  ];
}
