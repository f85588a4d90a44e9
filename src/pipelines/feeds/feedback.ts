import type { Pending } from '../../runtime/stage.js';
import { learnOf, promptsPerStep, roundsOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import { taskNameOf, tasksOf } from '../spec/tasks.js';
import { type Curriculum, openCurriculum } from './curriculum.js';
import type { JudgedPrompt, Judgements } from './judgements.js';

/** How the prompts of a run follow from what its completions were worth. */
export interface Feedback {
  /** Called before prompts of a step are chosen, also where a process continues in the middle of one. */
  prepare(step: number, signal: AbortSignal): Promise<void>;
  /** Whether an item is asked. @param turn tells apart the turns of an item */
  accepts(itemId: string, turn: string): boolean;
  /** Prompts to write next in a step; 0: it needs no more. */
  quota(place: PlaceInStep, signal: AbortSignal): Promise<number>;
  /** What it waits for. */
  pending(): readonly Pending[];
}

interface PlaceInStep {
  readonly step: number;
  /** Places of the step that are taken. */
  readonly taken: number;
  /** Rounds of prompts that the step has had. */
  readonly round: number;
}

/** Prompts that no judgement decides: all of a step at once, each in its turn. */
export const noFeedback = (spec: PipelineSpec): Feedback => ({
  prepare: async () => {},
  accepts: () => true,
  quota: async ({ taken }) => promptsPerStep(spec) - taken,
  pending: () => [],
});

/** Whether the prompts of a pipeline follow from its verdicts. */
export const hasFeedback = (spec: PipelineSpec): boolean => roundsOf(spec) > 1 || curriculaOf(spec).size > 0;

/**
 * Dynamic sampling and curricula. What a step is asked follows from the verdicts of the steps before the last `ahead`,
 * and from the earlier rounds of the step: in lockstep, from the same ones in every run.
 * @param ahead steps whose prompts are written before the first of them is trained
 */
export function feedbackOf(spec: PipelineSpec, judgements: Judgements, ahead: number): Feedback {
  const [rounds, places] = [roundsOf(spec), promptsPerStep(spec)];
  const curricula = curriculaOf(spec);
  let learned = 0;
  return {
    async prepare(step, signal) {
      for (; curricula.size > 0 && learned < step - ahead; learned++)
        for (const judged of await judgements.of(learned, places, signal))
          curricula.get(taskNameOf(spec, judged.itemId))?.learn(judged);
      judgements.forgetBefore(curricula.size > 0 ? learned : step);
    },
    accepts: (itemId, turn) => curricula.get(taskNameOf(spec, itemId))?.accepts(itemId, turn) ?? true,
    async quota({ step, taken, round }, signal) {
      if (rounds === 1) return places - taken;
      const wanted = learnOf(spec).prompts;
      if (round === 0) return Math.min(wanted, places - taken);
      if (round >= rounds) return 0;
      const signals = (await judgements.of(step, taken, signal)).filter(hasSignal).length;
      return Math.max(0, Math.min(wanted - signals, places - taken));
    },
    pending: () => judgements.pending(),
  };
}

/** Whether the completions of a prompt were rewarded differently. */
export const hasSignal = ({ rewards }: Pick<JudgedPrompt, 'rewards'>): boolean => new Set(rewards).size > 1;

/** By task. */
function curriculaOf(spec: PipelineSpec): ReadonlyMap<string, Curriculum> {
  return new Map(
    tasksOf(spec).flatMap(({ name, prompts }) =>
      prompts && 'curriculum' in prompts && prompts.curriculum
        ? [[name, openCurriculum(prompts.curriculum, spec.seed)] as const]
        : [],
    ),
  );
}
