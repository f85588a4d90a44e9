import { UserError } from '../support/errors.js';
import { answerInTurn, type CallProgress } from '../support/workers/answers.js';
import { hider } from './conceal.js';
import type { Judge } from './judge.js';
import { openJudge } from './kind.js';
import type { Item } from './pool.js';
import { pooledKind } from './registry.js';
import type { Judgement } from './verifier.js';

// A worker process of the pool in pool.ts.

const judges = new Map<string, Judge>();

async function judgeOf({ kind, settings }: Item, progress: CallProgress): Promise<Judge> {
  const key = `${kind} ${JSON.stringify(settings)}`;
  const known = judges.get(key);
  if (known) return known;
  const judge = await openJudge(pooledKind(kind), settings, { where: kind, folder: '.' });
  judges.set(key, judge);
  progress.warm();
  return judge;
}

answerInTurn<Item>(async (item, progress): Promise<Judgement | undefined> => {
  const { question, where } = item;
  try {
    const judge = await judgeOf(item, progress);
    if (item.checks) {
      if (judge.checkItem) await judge.checkItem(question, where, progress.within);
      else await judge.judge(question, where);
      return undefined;
    }
    return await judge.judge(question, where, progress.within);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    // An unexpected error may quote anything, such as a line of the tests.
    throw new Error(hider(question)(cause instanceof Error ? cause.message : String(cause)));
  }
});
