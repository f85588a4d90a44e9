import { from, lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { lastQuestion, verify } from '../../src/operators/verify.js';
import type { Verifier } from '../../src/verifiers/verifier.js';
import { deferred } from '../fakes/deferred.js';
import { promptOf, rolloutOf } from '../fakes/records.js';

const verifier: Verifier = {
  name: 'says-so',
  hash: 'h',
  verify: async ({ completion, reference }) => {
    const correct = completion === reference.answer;
    return { verdict: correct ? 'correct' : 'incorrect', reward: correct ? 1 : 0, reason: 'compared', evidence: {} };
  },
  close: async () => {},
};
const reference = async (itemId: string) => ({ answer: itemId === 'p0' ? 'so' : 'not so', data: null });
const rollouts = [0, 1].map((n) => rolloutOf(promptOf(n), 0, 1));

describe('verify', () => {
  it('judges each rollout against its reference', async () => {
    const verdicts = await lastValueFrom(from(rollouts).pipe(verify(verifier, { reference }), toArray()));
    expect(verdicts).toMatchObject([
      { promptId: 'p0', verdict: 'correct', reward: 1, verifier: 'says-so', verifierHash: 'h' },
      { promptId: 'p1', verdict: 'incorrect', reward: 0, reason: 'compared' },
    ]);
  });

  it('passes further fields through', async () => {
    const tagged = from(rollouts.map((rollout) => ({ ...rollout, tag: rollout.promptId })));
    const [verdict] = await lastValueFrom(tagged.pipe(verify(verifier, { reference }), toArray()));
    expect(verdict?.tag).toBe('p0');
  });

  it('fails when there is no reference', () => {
    const missing = () => Promise.reject(new Error('no reference for p0'));
    return expect(lastValueFrom(from(rollouts).pipe(verify(verifier, { reference: missing })))).rejects.toThrow(
      'no reference for p0',
    );
  });

  it('aborts the verifier when the subscriber leaves', async () => {
    const asked = deferred<AbortSignal | undefined>();
    const slow: Verifier = {
      ...verifier,
      verify: (_, signal) => {
        asked.resolve(signal);
        return new Promise(() => {});
      },
    };
    const subscription = from(rollouts).pipe(verify(slow, { reference })).subscribe();
    const signal = await asked.promise;
    subscription.unsubscribe();
    expect(signal?.aborted).toBe(true);
  });

  it('does not abort work that is done', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const seen: Verifier = {
      ...verifier,
      verify: (question, signal) => {
        signals.push(signal);
        return verifier.verify(question);
      },
    };
    await lastValueFrom(from(rollouts).pipe(verify(seen, { reference })));
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, false]);
  });

  it('reports what a second verifier judges differently', async () => {
    const opinion = {
      verifier: 'a',
      verifierHash: 'h',
      verdict: 'correct',
      reward: 1,
      reason: '',
      evidence: {},
    } as const;
    const judgement = { verdict: 'correct', reward: 1, reason: '', evidence: {} } as const;
    const judgeTwice = async () => ({ judgement, disagreement: { judged: opinion, checked: opinion } });
    const checked: Verifier & { judgeTwice: typeof judgeTwice } = { ...verifier, judgeTwice };
    const told: string[] = [];
    const disagreed = ({ promptId }: { promptId: string }) => void told.push(promptId);
    await lastValueFrom(of(...rollouts).pipe(verify(checked, { reference, disagreed })));
    expect(told).toEqual(['p0', 'p1']);
  });

  it.each([0, -1, Number.NaN])('refuses a concurrency of %d', (concurrency) =>
    expect(() => verify(verifier, { reference, concurrency })).toThrow(RangeError),
  );
});

describe('lastQuestion', () => {
  it('is the last message of the user', () =>
    expect(
      lastQuestion([
        { role: 'user', content: 'first' },
        { role: 'user', content: 'second' },
        { role: 'assistant', content: 'answer' },
      ]),
    ).toBe('second'));
});
