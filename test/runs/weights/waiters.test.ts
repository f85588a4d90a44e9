import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newWaiters } from '../../../src/runs/weights/waiters.js';

const idle = () => newWaiters(1_000_000, async () => {});

describe('waiters', () => {
  it('resolve as soon as their version, or a later one, has come so far, and not before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(8), { minLength: 1 }), fc.array(fc.nat(8)), async (least, versions) => {
        const waiters = idle();
        const got = new Map<number, number>();
        const calls = least.map((version, k) =>
          waiters.atLeast('published', version).then(
            (newest) => got.set(k, newest),
            () => {},
          ),
        );
        await new Promise(setImmediate);
        for (const version of versions) waiters.reached('published', version);
        await new Promise(setImmediate);
        const newest = Math.max(-1, ...versions);
        expect([...got.keys()].sort()).toEqual([...least.keys()].filter((k) => (least[k] ?? 0) <= newest).sort());
        for (const [k, version] of got) expect(version).toBeGreaterThanOrEqual(least[k] ?? 0);
        waiters.close();
        await Promise.all(calls);
      }),
    );
  });

  it('tell an announced version from a published one', async () => {
    const waiters = idle();
    waiters.reached('announced', 3);
    expect(await waiters.atLeast('announced', 2)).toBe(3);
    expect([waiters.newest('announced'), waiters.newest('published')]).toEqual([3, -1]);
  });

  it('poll until the version is there', async () => {
    let polls = 0;
    const waiters = newWaiters(1, async () => {
      if (++polls === 4) waiters.note('published', 1);
      waiters.wake();
    });
    expect(await waiters.atLeast('published', 1)).toBe(1);
    expect(polls).toBe(4);
    expect(waiters.count()).toBe(0);
  });

  it('reject when a poll fails, and when they are closed', async () => {
    let polls = 0;
    const failing = newWaiters(1, async () => {
      if (++polls > 1) throw new Error('the broker is away');
    });
    await expect(failing.atLeast('published', 0)).rejects.toThrow('the broker is away');
    const closed = idle();
    const waiting = closed.atLeast('published', 0);
    await new Promise(setImmediate);
    closed.close();
    await expect(waiting).rejects.toThrow('the run was stopped');
    await expect(closed.atLeast('published', 0)).rejects.toThrow('the run was stopped');
  });
});
