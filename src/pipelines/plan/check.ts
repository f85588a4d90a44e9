import { UserError } from '../../support/errors.js';
import { checkTopics } from '../topic-log.js';
import { placed } from './placed.js';
import { type Plan, planOfLearner } from './plan.js';

export interface CheckOptions {
  /** Folder of a run, whose topics on a cluster are checked too. */
  readonly runFolder?: string;
  /** Whether the prompts are read. Default: true. */
  readonly prompts?: boolean;
  /** Whether the privileged documents are read. Default: true. */
  readonly documents?: boolean;
}

/** Every problem of a plan that can be found without starting it, one line each; empty when it can run. */
export async function checkPlan(plan: Plan, options: CheckOptions = {}): Promise<string[]> {
  const { runFolder, prompts = true, documents = true } = options;
  const problems: string[] = [];
  const attempt = async (check: () => unknown) => {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
    }
  };
  const demand = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  for (const { definition, learner } of plan.stages)
    await definition.check({ plan: planOfLearner(plan, learner), prompts, documents, demand, attempt });
  // Several stages may look at the same field.
  const all = [...problems, ...(await checkTopics(plan, runFolder))];
  return [...new Set(all.flatMap((problem) => placed(problem, plan.locate)))];
}
