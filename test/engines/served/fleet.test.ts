import { afterEach, describe, expect, it } from 'vitest';
import { type Fleet, type FleetOptions, newFleet, Stale } from '../../../src/engines/served/fleet.js';
import { connectTo } from '../../../src/engines/served/http.js';
import { type Handler, type Loopback, loopback } from './loopback.js';

const servers: Loopback[] = [];
let fleet: Fleet;
afterEach(async () => {
  fleet.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function open(handlers: readonly Handler[], options: Partial<FleetOptions> = {}): Promise<void> {
  for (const handler of handlers) servers.push(await loopback(handler));
  fleet = newFleet({
    connections: servers.map(({ url }) => connectTo(url)),
    field: 'urls',
    inFlight: 2,
    retries: 3,
    outageMs: 5_000,
    backOffMs: 1,
    healthMs: 5,
    ...options,
  });
}

const ask = (key = 'v0', signal?: AbortSignal) =>
  fleet.run(
    key,
    (server, stop) => server.connection.request('/work', { body: '{}', signal: stop, timeoutMs: 5_000 }),
    signal,
  );
const healthy =
  (work: Handler): Handler =>
  (path, body) =>
    path === '/health' ? {} : work(path, body);

describe('a fleet', () => {
  it('spreads work, within the limit of each server', async () => {
    const running = [0, 0];
    const most = [0, 0];
    let fill: () => void = () => {};
    const full = new Promise<void>((resolve) => {
      fill = resolve;
    });
    const count = (k: number): Handler =>
      healthy(async () => {
        running[k] = (running[k] ?? 0) + 1;
        most[k] = Math.max(most[k] ?? 0, running[k] ?? 0);
        if (running[0] === 2 && running[1] === 2) fill();
        await full;
        running[k] = (running[k] ?? 0) - 1;
        return { json: k };
      });
    await open([count(0), count(1)]);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask()));
    expect(new Set(answers)).toEqual(new Set([0, 1]));
    expect(most).toEqual([2, 2]);
  });

  it('asks again where a server is busy, and gives up after its retries', async () => {
    let asked = 0;
    await open([healthy(() => (++asked < 3 ? { status: 503 } : { json: asked }))]);
    expect(await ask()).toBe(3);
    asked = -10;
    await expect(ask()).rejects.toMatchObject({
      code: 'server-busy',
      message: expect.stringMatching(/503.*tried 4 times/),
    });
  });

  it('takes a server without a path for its health as one that is up', async () => {
    let asked = 0;
    await open([(path) => (path === '/health' || ++asked < 3 ? { status: path === '/health' ? 404 : 503 } : {})]);
    await ask();
    expect(asked).toBe(3);
  });

  it('does not repeat what a server refuses', async () => {
    let asked = 0;
    await open([
      healthy(() => {
        asked++;
        return { status: 400, json: { message: 'too long' } };
      }),
    ]);
    await expect(ask()).rejects.toThrow('status 400: too long');
    expect(asked).toBe(1);
  });

  it('leaves a server out that dies, moves its work, and takes it back', async () => {
    let silent: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      silent = resolve;
    });
    let isBack = false;
    const first: Handler = healthy(() => {
      if (isBack) return { json: 'first' };
      silent();
      return 'silent';
    });
    await open([first, healthy(() => ({ json: 'second' }))]);
    const moved = ask();
    await begun;
    await servers[0]?.stop();
    expect(await moved).toBe('second');
    expect(await ask()).toBe('second');
    isBack = true;
    await servers[0]?.start();
    // The health check finds it; until then the second one answers.
    while ((await ask()) !== 'first');
  });

  it('waits for a server to come back, and fails after an outage', async () => {
    await open([healthy(() => ({ json: 'here' }))], { outageMs: 30 });
    await servers[0]?.stop();
    await expect(ask()).rejects.toMatchObject({
      code: 'no-server',
      message: expect.stringMatching(/^urls: no server/),
    });
    await servers[0]?.start();
    let answer: unknown;
    while (answer === undefined) {
      await new Promise((done) => setImmediate(done));
      answer = await ask().catch(() => undefined);
    }
    expect(answer).toBe('here');
  });

  it('does not mix work of different keys, and readies servers between them', async () => {
    const lines: string[] = [];
    let running = 0;
    await open([healthy(() => ({ json: 0 }))], {
      async prepare(_, key) {
        if (lines.at(-1) !== key) {
          expect(running).toBe(0);
          lines.push(key);
        }
      },
    });
    const work = (key: string) =>
      fleet.run(key, async () => {
        running++;
        await new Promise((done) => setImmediate(done));
        running--;
      });
    await Promise.all([work('a'), work('b'), work('a'), work('b'), work('a')]);
    expect(lines).toEqual(['a', 'b']);
  });

  it('drops an answer of a server that lost what it was readied for', async () => {
    const lives: number[] = [];
    let asked = 0;
    await open([healthy(() => ({ json: ++asked }))], {
      prepare: async ({ life }) => void lives.push(life),
      confirm: async () => asked !== 1,
    });
    expect(await ask()).toBe(2);
    expect(lives).toEqual([0, 1]);
    const lost = fleet.run('v0', () => Promise.reject(new Stale('the adapter is gone')));
    await expect(lost).rejects.toMatchObject({
      code: 'other-weights',
      message: expect.stringMatching(/another program/),
    });
  });

  it('ends waiting and running work when its signal aborts, or the fleet closes', async () => {
    await open([healthy(() => 'silent')]);
    const stop = new AbortController();
    const [running, other, waiting] = [ask('a', stop.signal), ask('a'), ask('b', stop.signal)];
    stop.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect(waiting).rejects.toThrow('enough');
    fleet.close();
    await expect(other).rejects.toThrow('closed');
    await expect(ask()).rejects.toThrow('closed');
  });
});
