import {
  type Learner,
  learn,
  type Method,
  type Policy,
  type Prompt,
  type RolloutSettings,
  rollout,
  scoreTeacher,
  shapeAdvantage,
  type TeacherSettings,
  type Verifier,
  type VerifySettings,
  verify,
} from 'rlsd-streams';
import { from, map } from 'rxjs';

/** What the snippet of README.md names: `npm run types` checks the snippet, and a test compares it with the page. */
export function training(
  { prompts, policy, method, verifier, learner }: Parts,
  { version, reference, teacher }: Settings,
) {
  return (
    // snippet
    from(prompts).pipe(
      rollout(policy, { group: 8, sampling: { temperature: 1, maxTokens: 64 }, version }),
      verify(verifier, { reference }),
      map((verdict) => (verdict.finishReason === 'length' ? { ...verdict, reward: verdict.reward / 2 } : verdict)),
      scoreTeacher(policy, method, teacher),
      shapeAdvantage(method), // grpo(), rlsd({ lambda: 1 }), or your own
      learn(learner, { prompts: 16, maxLag: 0, version: () => 0, onStale: console.warn }),
    )
    // end of snippet
  );
}

interface Parts {
  readonly prompts: readonly Prompt[];
  readonly policy: Policy;
  readonly method: Method;
  readonly verifier: Verifier;
  readonly learner: Learner;
}

interface Settings extends Pick<RolloutSettings, 'version'>, Pick<VerifySettings, 'reference'> {
  readonly teacher: TeacherSettings;
}
