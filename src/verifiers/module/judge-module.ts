import { concealing } from '../conceal.js';
import { readJudgement } from '../judgement.js';
import type { Judgement, Question } from '../verifier.js';
import type { LoadedModule } from './load-module.js';
import type { ModuleSettings } from './settings.js';

/** Calls the module's function with the question. Words of the reference are hidden in what it says. */
export function judgeByModule(
  { module, name }: ModuleSettings,
  { judge, settings }: LoadedModule,
  question: Question,
): Promise<Judgement> {
  const place = `the function ${name} of ${module}`;
  return concealing(
    question,
    async () => judgementOf(await judge(question, settings), `the function ${name}`, place),
    place,
  );
}

/**
 * The judgement that a function of the user returned: a judgement, true or false, or a reward from 0 to 1.
 *
 * @throws {UserError} if it is none of these
 */
export function judgementOf(found: unknown, name: string, place: string): Judgement {
  const reward = typeof found === 'boolean' ? Number(found) : found;
  if (typeof reward !== 'number' || reward < 0 || reward > 1) return readJudgement(found, place);
  return { verdict: reward === 1 ? 'correct' : 'incorrect', reward, reason: `${name} gives ${reward}`, evidence: {} };
}
