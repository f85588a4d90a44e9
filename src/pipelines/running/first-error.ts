import { lastQuestion } from '../../operators/verify.js';
import type { Message } from '../../records/records.js';
import { type FirstError, firstErrorOf } from '../../sources/tasks/first-error.js';
import type { Plan } from '../plan/plan.js';
import { taskNameOf, tasksOf } from '../spec/tasks.js';

/** A completion that was judged wrong, with its tokens. */
export interface WrongSample {
  readonly itemId: string;
  readonly messages: readonly Message[];
  readonly completion: string;
  /** Text of each token; together they begin with the completion. */
  readonly texts: readonly string[];
}

/**
 * Finds the token in which the first error of a wrong completion begins, where the source of its prompts can tell.
 * @throws {UserError} `bad-generator` as `firstErrorOf`
 */
export async function errorFinder({
  spec,
  folder,
}: Pick<Plan, 'spec' | 'folder'>): Promise<(wrong: WrongSample) => number | null> {
  const byTask = new Map<string, FirstError>();
  for (const { name, prompts } of tasksOf(spec)) {
    const firstError = prompts && (await firstErrorOf(prompts, folder));
    if (firstError) byTask.set(name, firstError);
  }
  return ({ itemId, messages, completion, texts }) => {
    const firstError = byTask.get(taskNameOf(spec, itemId));
    if (!firstError) return null;
    const index = firstError({ question: lastQuestion(messages), completion });
    return index === null ? null : tokenAt(texts, index);
  };
}

/** The token that has the character at an index. */
function tokenAt(texts: readonly string[], index: number): number | null {
  let end = 0;
  for (const [t, text] of texts.entries()) {
    end += text.length;
    if (index < end) return t;
  }
  return null;
}
