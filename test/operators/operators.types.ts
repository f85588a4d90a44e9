import { map, type Observable, of } from 'rxjs';
import type { Policy } from '../../src/engines/policy.js';
import { credit } from '../../src/operators/credit.js';
import { deadLetter } from '../../src/operators/dead-letter.js';
import { groupSamples } from '../../src/operators/group-samples.js';
import { type LearnStep, learn, type Trainer } from '../../src/operators/learn.js';
import { publishWeights } from '../../src/operators/publish-weights.js';
import { rollout } from '../../src/operators/rollout.js';
import { transform } from '../../src/operators/transform.js';
import { verify } from '../../src/operators/verify.js';
import type { Advantage, Prompt, Rollout, Verdict, Weights } from '../../src/records/records.js';
import type { Verifier } from '../../src/verifiers/verifier.js';

/** The types of the operators in a chain; the compiler checks them, and nothing here runs. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Emits<O> = O extends Observable<infer T> ? T : never;
const same = <A, B>(equal: Equal<A, B>): boolean => equal;

declare const prompts$: Observable<Prompt>;
declare const rollouts$: Observable<Rollout>;
declare const verdicts$: Observable<Verdict>;
declare const advantages$: Observable<Advantage>;
declare const tagged$: Observable<Rollout & { readonly tag: number }>;
declare const taggedAdvantages$: Observable<Advantage & { readonly tag: number }>;
declare const policy: Policy;
declare const verifier: Verifier;
declare const trainer: Trainer<{ readonly loss: number }>;
declare const source: AsyncIterable<Prompt>;

const sampling = { temperature: 1, maxTokens: 8 };
const version = async () => ({ version: 0, digest: '' });
const reference = async () => ({ answer: '', data: null });
const onDeadLetter = () => {};
const steps = { prompts: 1, maxLag: 0, version: () => 0, onStale: () => {} };
const publisher = { due: () => true, publish: async (): Promise<readonly Weights[]> => [] };

export function types(): boolean[] {
  const credited = credit(source, 4);
  const rolled = prompts$.pipe(rollout(policy, { group: 2, sampling, version }));
  const verified = rollouts$.pipe(verify(verifier, { reference }));
  const tagged = tagged$.pipe(verify(verifier, { reference }));
  const grouped = verdicts$.pipe(groupSamples());
  const lettered = rollouts$.pipe(deadLetter(() => verify(verifier, { reference }), { onDeadLetter }));
  const learnt = advantages$.pipe(learn(trainer, steps));
  const taggedSteps = taggedAdvantages$.pipe(learn(trainer, steps));
  const published = learnt.pipe(publishWeights(publisher));
  const halved = advantages$.pipe(
    transform('advantages', () => map((a) => ({ ...a, tokenAdvantages: a.tokenAdvantages.map((x) => x / 2) })), {
      onDeadLetter,
    }),
  );
  const verdicts: Observable<Verdict> = verified;
  const chained: Observable<Verdict> = lettered;
  void [verdicts, chained];
  return [
    same<Emits<typeof credited.records>, Prompt>(true),
    same<Emits<typeof rolled>, Rollout>(true),
    same<Emits<typeof tagged>['tag'], number>(true),
    same<Emits<typeof tagged>['reward'], number>(true),
    same<Emits<typeof grouped>, readonly Verdict[]>(true),
    same<Emits<typeof learnt>['stats'], { readonly loss: number }>(true),
    same<Emits<typeof taggedSteps>['samples'][number]['tag'], number>(true),
    same<Emits<typeof published>, Weights>(true),
    same<Emits<typeof halved>, Advantage>(true),
  ];
}

export function refused(): void {
  // @ts-expect-error verdicts are judged already
  prompts$.pipe(verify(verifier, { reference }));
  // @ts-expect-error a rollout has no verdict to shape
  rollouts$.pipe(learn(trainer, steps));
  // @ts-expect-error samples belong to groups, numbers do not
  of(1).pipe(groupSamples());
  // @ts-expect-error prompts have no samples to transform
  transform('prompts', () => map((prompt) => prompt), { onDeadLetter });
  // @ts-expect-error token advantages are numbers, not bytes
  transform('advantages', () => map((a) => ({ ...a, tokenAdvantages: new Uint8Array(4) })), { onDeadLetter });
  const step: LearnStep<number> = { step: 0, samples: [], stats: 0 };
  // @ts-expect-error what is trained on is never changed
  step.samples.push(1);
}
