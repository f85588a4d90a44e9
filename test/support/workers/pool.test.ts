import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CrashError,
  createPool,
  DeadlineError,
  type Pool,
  type PoolOptions,
} from '../../../src/support/workers/pool.js';
import type { Call, Reply } from '../../../src/support/workers/protocol.js';
import { processes, type StartWorker, threads, type WorkerEvents } from '../../../src/support/workers/transport.js';
import { workerUrl } from '../../../src/support/workers/url.js';

let pool: { close(): Promise<void> } | undefined;
afterEach(() => pool?.close());

describe('pool of fake workers', () => {
  /** A worker in this thread: keeps what it was sent until the test answers. */
  interface Fake {
    readonly events: WorkerEvents;
    readonly calls: Call<string>[];
    killed: boolean;
    referenced: boolean;
    answer(...replies: readonly Reply[]): void;
    exit(cause: string): void;
  }

  const open = (options: Partial<PoolOptions<string>> = {}, pid?: number) => {
    const workers: Fake[] = [];
    const start: StartWorker<string> = (events) => {
      const fake: Fake = {
        events,
        calls: [],
        killed: false,
        referenced: true,
        answer: (...replies) => events.replies(replies),
        exit: (cause) => events.exit(cause),
      };
      workers.push(fake);
      return {
        pid,
        post: (calls) => void fake.calls.push(...calls),
        ref: () => {
          fake.referenced = true;
        },
        unref: () => {
          fake.referenced = false;
        },
        kill: () => {
          fake.killed = true;
        },
        end: async () => {},
      };
    };
    const made = createPool<string>({ start, size: 2, capacity: 4, ...options });
    pool = made;
    return { call: made.call, state: () => made.state, workers, at: (i: number) => some(workers[i]) };
  };
  const some = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('no such worker or call');
    return value;
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const sent = (fake: Fake) => fake.calls.map(({ message }) => message);
  const idOf = (fake: Fake, message: string) => some(fake.calls.findLast((call) => call.message === message)).id;
  const ready: Reply = { id: -1, result: undefined };

  it('fills each worker up to its capacity, and a larger call takes an idle worker', async () => {
    const { call, at } = open();
    const calls = [call('a', 3), call('b', 3), call('c', 1), call('d', 1), call('e', 100)];
    await turn();
    expect([sent(at(0)), sent(at(1))]).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
    for (const message of ['a', 'c']) at(0).answer({ id: idOf(at(0), message), result: message });
    await turn();
    expect(sent(at(0))).toEqual(['a', 'c', 'e']);
    for (const message of ['b', 'd']) at(1).answer({ id: idOf(at(1), message), result: message });
    at(0).answer({ id: idOf(at(0), 'e'), result: 'e' });
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('sends the calls of a crashed worker again, each with a worker to itself', async () => {
    const { call, at } = open({ size: 1 });
    const calls = [call('a', 1), call('b', 1)];
    at(0).answer(ready);
    await turn();
    at(0).exit('SIGSEGV');
    await turn();
    expect(sent(at(1))).toEqual(['a']);
    at(1).answer(ready, { id: idOf(at(1), 'a'), result: 1 });
    await turn();
    expect(sent(at(1))).toEqual(['a', 'b']);
    at(1).answer({ id: idOf(at(1), 'b'), result: 2 });
    expect(await Promise.all(calls)).toEqual([1, 2]);
  });

  it('rejects a call that ended two workers which had nothing else, and only that', async () => {
    const { call, at, state } = open({ size: 1 });
    const [bad, good] = [call('bad', 1), call('good', 1)];
    const failed = expect(bad).rejects.toEqual(new CrashError('SIGSEGV'));
    at(0).answer(ready);
    await turn();
    for (const worker of [0, 1, 2]) {
      at(worker).answer(ready);
      await turn();
      at(worker).exit('SIGSEGV');
      await turn();
    }
    await failed;
    at(3).answer(ready, { id: idOf(at(3), 'good'), result: 'fine' });
    expect(await good).toBe('fine');
    expect(state()).toEqual({ alive: 1, replaced: 3 });
  });

  it('replaces no worker with state, and ends with it', async () => {
    const { call, at, state } = open({ size: 1, capacity: 1, stateful: true });
    const calls = [call('step', 1), call('next', 1)];
    const failed = Promise.all(calls.map((one) => expect(one).rejects.toThrow('the worker has ended: exit code 1')));
    at(0).answer(ready);
    await turn();
    at(0).exit('exit code 1');
    await failed;
    await expect(call('later', 1)).rejects.toThrow('the worker has ended: exit code 1');
    expect(state()).toEqual({ alive: 0, replaced: 1 });
  });

  it('lets an idle worker keep no process alive', async () => {
    const { call, at } = open({ size: 1 });
    at(0).answer(ready);
    expect(at(0).referenced).toBe(false);
    const asked = call('a', 1);
    expect(at(0).referenced).toBe(true);
    at(0).answer({ id: idOf(await turn().then(() => at(0)), 'a'), result: 1 });
    await asked;
    expect(at(0).referenced).toBe(false);
  });

  it('starts lazy workers as calls wait, no more than its size, and gives them nothing before they are ready', async () => {
    const { call, workers, at, state } = open({ lazy: true });
    expect(workers).toHaveLength(0);
    for (const message of ['a', 'b', 'c']) void call(message, 4).catch(() => {});
    await turn();
    expect(workers).toHaveLength(2);
    expect(sent(at(0))).toEqual([]);
    at(1).answer(ready);
    await turn();
    expect([sent(at(0)), sent(at(1))]).toEqual([[], ['a']]);
    expect(state().alive).toBe(2);
  });

  it('starts one lazy worker for small calls that it holds at once, and another for more', async () => {
    const { call, workers, at } = open({ lazy: true });
    for (let i = 0; i < 4; i++) void call(`${i}`, 1).catch(() => {});
    await turn();
    expect(workers).toHaveLength(1);
    void call('more', 1).catch(() => {});
    await turn();
    expect(workers).toHaveLength(2);
    at(0).answer(ready);
    await turn();
    expect(sent(at(0))).toEqual(['0', '1', '2', '3']);
  });

  it('rejects one waiting call for each lazy worker that cannot start', async () => {
    const { call, at } = open({ lazy: true, size: 1 });
    const [first, second] = [call('a', 1), call('b', 1)];
    const failed = expect(first).rejects.toThrow('a worker could not start: ENOENT');
    await turn();
    at(0).exit('ENOENT');
    await failed;
    await turn();
    at(1).answer(ready);
    await turn();
    at(1).answer({ id: idOf(at(1), 'b'), result: 'b' });
    expect(await second).toBe('b');
  });

  it('drops a waiting call that is aborted, and kills the process that works on one', async () => {
    const { call, at } = open({ size: 1 }, 17);
    const [working, waiting] = [new AbortController(), new AbortController()];
    const outcomes = Promise.allSettled([
      call('a', 4, { signal: working.signal }),
      call('b', 4, { signal: waiting.signal }),
    ]);
    at(0).answer(ready);
    await turn();
    waiting.abort(new Error('not needed'));
    expect(at(0).killed).toBe(false);
    working.abort(new Error('neither'));
    expect(at(0).killed).toBe(true);
    at(0).exit('SIGKILL');
    await turn();
    expect(sent(at(1))).toEqual([]);
    const reasons = (await outcomes).map((one) => (one.status === 'rejected' ? String(one.reason) : 'resolved'));
    expect(reasons).toEqual(['Error: neither', 'Error: not needed']);
  });

  it('does not kill a thread for a call that is aborted', async () => {
    const { call, at } = open({ size: 1 });
    const abort = new AbortController();
    const asked = call('a', 1, { signal: abort.signal });
    at(0).answer(ready);
    await turn();
    abort.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(at(0).killed).toBe(false);
  });

  describe('deadlines', () => {
    /** Kills at once what has a deadline of 0 seconds. */
    const spent = () => () => ({ cpuSeconds: 1, idleSeconds: 0 });
    const killed = async (fake: Fake) => {
      while (!fake.killed) await turn();
    };

    it('kills the worker of a call that runs out of time', async () => {
      const { call, at } = open({ size: 1, meter: spent }, 17);
      const late = expect(call('a', 1, { seconds: 0 })).rejects.toEqual(new DeadlineError(0));
      at(0).answer(ready);
      await killed(at(0));
      at(0).exit('SIGKILL');
      await late;
    });

    it('blames nobody where several shared the worker', async () => {
      const { call, at } = open({ size: 1, meter: spent }, 17);
      const late = expect(call('a', 1, { seconds: 0 })).rejects.toEqual(new DeadlineError(0));
      const other = call('b', 1, { seconds: 100 });
      at(0).answer(ready);
      await killed(at(0));
      at(0).exit('SIGKILL');
      at(1).answer(ready);
      await killed(at(1));
      at(1).exit('SIGKILL');
      await late;
      await turn();
      at(2).answer(ready, { id: idOf(at(2), 'b'), result: 'b' });
      expect(await other).toBe('b');
    });

    it('gives the first call of a kind time to load, and a phase its own time', async () => {
      const warmUp = { key: (message: string) => message, seconds: 100 };
      const { call, at } = open({ size: 1, meter: spent, warmUp }, 17);
      const late = expect(call('a', 1, { seconds: 0 })).rejects.toEqual(new DeadlineError(0));
      at(0).answer(ready);
      await turn();
      const id = idOf(at(0), 'a');
      at(0).answer({ id, warm: true });
      at(0).answer({ id, within: 200 });
      at(0).answer({ id, within: 0 });
      await killed(at(0));
      at(0).exit('SIGKILL');
      await late;
    });
  });
});

type Message = { readonly type: 'echo' | 'crash' | 'crash-once' | 'fail' | 'setup' | 'hold' | 'release' | 'who' };

const folder = mkdtempSync(join(tmpdir(), 'rlsd-pool-'));
const script = (name: string, text: string): URL => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return pathToFileURL(file);
};

describe('pool of threads', () => {
  const url = script(
    'worker.mjs',
    `import { existsSync, writeFileSync } from 'node:fs';
     import { parentPort, threadId, workerData } from 'node:worker_threads';
     let setups = 0;
     parentPort.postMessage([{ id: -1, result: undefined }]);
     const held = [];
     parentPort.on('message', (calls) => calls === null ? process.exit() : calls.forEach(({ id, message }) => {
       const reply = (result) => parentPort.postMessage([{ id, result }]);
       if (message.type === 'crash') throw new Error('struck by lightning');
       if (message.type === 'crash-once' && !existsSync(workerData)) { writeFileSync(workerData, ''); process.exit(3); }
       if (message.type === 'fail') parentPort.postMessage([{ id, error: { message: 'no such thing', code: 'bad' } }]);
       else if (message.type === 'setup') { setups++; reply(undefined); }
       else if (message.type === 'hold') held.push(() => reply(threadId));
       else if (message.type === 'release') { for (const go of held.splice(0)) go(); reply(undefined); }
       else reply(message.type === 'who' ? threadId : setups);
     }));`,
  );
  let markers = 0;
  const open = (size: number, setup: () => readonly Message[] = () => [], from = url): Pool<Message> => {
    const start = threads<Message>(from, join(folder, `marker-${markers++}`));
    const made = createPool<Message>({ start, size, capacity: 4, setup });
    pool = made;
    return made;
  };

  it('passes on results and errors, with their codes', async () => {
    const { call } = open(1);
    expect(await call({ type: 'echo' }, 1)).toBe(0);
    await expect(call({ type: 'fail' }, 1)).rejects.toMatchObject({
      name: 'UserError',
      code: 'bad',
      message: 'no such thing',
    });
  });

  it('rejects a message that cannot be cloned', async () => {
    const { call } = open(1);
    await expect(call({ type: 'echo', with: () => {} } as Message, 1)).rejects.toThrow('could not be cloned');
  });

  it('sets up the worker that replaces a crashed one before it sends the work again', async () => {
    const told: Message[] = [];
    const { call } = open(1, () => told);
    expect(await call({ type: 'echo' }, 1)).toBe(0);
    told.push({ type: 'setup' }, { type: 'setup' });
    const answers = await Promise.all([
      call({ type: 'echo' }, 1),
      call({ type: 'crash-once' }, 1),
      call({ type: 'echo' }, 1),
    ]);
    expect(answers).toEqual([0, 2, 2]);
  });

  it('rejects a call that crashes twice, and continues', async () => {
    const { call } = open(1);
    await call({ type: 'echo' }, 1);
    await expect(call({ type: 'crash' }, 1)).rejects.toThrow(
      'the worker crashed twice on this request: struck by lightning',
    );
    expect(await call({ type: 'echo' }, 1)).toBe(0);
  });

  it('ends when a worker cannot start', async () => {
    const { call } = open(1, () => [], script('broken.mjs', "throw new Error('no runtime');"));
    await expect(call({ type: 'echo' }, 1)).rejects.toThrow('a worker could not start: no runtime');
    await expect(call({ type: 'echo' }, 1)).rejects.toThrow('a worker could not start');
  });

  it('reaches every worker with a broadcast', async () => {
    const { call, broadcast } = open(2);
    const held = [call({ type: 'hold' }, 3), call({ type: 'hold' }, 3)];
    await broadcast({ type: 'release' });
    const [first, second] = await Promise.all(held);
    expect(second).not.toBe(first);
  });

  it('rejects open calls when it is closed', async () => {
    const { call, close } = open(1);
    const rejected = expect(call({ type: 'hold' }, 1)).rejects.toThrow('the workers were closed');
    await close();
    await rejected;
    await expect(call({ type: 'echo' }, 1)).rejects.toThrow('the workers were closed');
  });
});

describe('pool of processes', () => {
  const answers = workerUrl('../../../src/support/workers/answers.js', import.meta.url);
  const url = script(
    'process.mjs',
    `import { answerInTurn } from ${JSON.stringify(answers.href.replace('/src/', '/dist/'))};
     answerInTurn((message) => {
       if (message === 'hang') for (;;);
       if (message === 'crash') process.kill(process.pid, 'SIGSEGV');
       if (message === 'fail') throw new Error('no such thing');
       return [message, process.pid];
     });`,
  );
  const open = (size: number) => {
    const made = createPool<string>({ start: processes(url), size, capacity: 8, lazy: true });
    pool = made;
    return made;
  };

  it('answers in a process of its own', async () => {
    const { call } = open(2);
    const [first, second] = (await Promise.all([call('a', 8), call('b', 8)])) as [string, number][];
    expect([first?.[0], second?.[0]]).toEqual(['a', 'b']);
    expect([first?.[1], second?.[1]]).not.toContain(process.pid);
    await expect(call('fail', 1)).rejects.toThrow('no such thing');
  });

  it('kills one that hangs, and continues', async () => {
    const { call } = open(1);
    await call('a', 1);
    await expect(call('hang', 1, { seconds: 0.2 })).rejects.toBeInstanceOf(DeadlineError);
    expect(await call('b', 1)).toMatchObject(['b', expect.any(Number)]);
  });

  it('rejects a call that ends two processes, and answers what was sent with it', async () => {
    const { call } = open(1);
    const [crashed, fine] = await Promise.allSettled([call('crash', 1), call('a', 1)]);
    expect(crashed).toMatchObject({ reason: { name: 'CrashError', how: 'SIGSEGV' } });
    expect(fine).toMatchObject({ value: ['a', expect.any(Number)] });
  });

  it('kills the process of a call that is aborted', async () => {
    const pool = open(1);
    const { call } = pool;
    await call('a', 1);
    const abort = new AbortController();
    const hanging = call('hang', 1, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error('enough')));
    await expect(hanging).rejects.toThrow('enough');
    await call('b', 1);
    expect(pool.state.replaced).toBe(1);
  });
});
