// Among the correct answers of a group, the shortest keeps its reward and each longer one loses a little. The group of
// a prompt arrives as one stream that completes, so the operator can compare all of its samples.
import { mergeMap, toArray } from 'rxjs';

export const unit = 'group';

export default () => (group) =>
  group.pipe(
    toArray(),
    mergeMap((verdicts) => {
      const correct = verdicts.filter(({ verdict }) => verdict === 'correct');
      const byLength = correct.toSorted((a, b) => a.completionTokens.length - b.completionTokens.length);
      const penalty = new Map(byLength.map((verdict, rank) => [verdict, (0.2 * rank) / correct.length]));
      return verdicts.map((verdict) => ({ ...verdict, reward: verdict.reward - (penalty.get(verdict) ?? 0) }));
    }),
  );
