import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createPool, type Pool } from '../../src/support/worker-pool.js';

type Message = { readonly type: 'echo' | 'crash' | 'crash-once' | 'fail' | 'setup' | 'hold' | 'release' | 'who' };

const folder = mkdtempSync(join(tmpdir(), 'rlsd-pool-'));
const script = (name: string, text: string): URL => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return pathToFileURL(file);
};
const url = script(
  'worker.mjs',
  `import { existsSync, writeFileSync } from 'node:fs';
   import { parentPort, threadId, workerData } from 'node:worker_threads';
   let setups = 0;
   parentPort.postMessage([{ id: -1, result: undefined }]);
   const held = [];
   parentPort.on('message', (calls) => calls.forEach(({ id, message }) => {
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

let pool: Pool<Message> | undefined;
let markers = 0;
const open = (size: number, setup: () => readonly Message[] = () => [], capacity = 4, from = url): Pool<Message> => {
  pool = createPool<Message>({ url: from, size, workerData: join(folder, `marker-${markers++}`), capacity, setup });
  return pool;
};
afterEach(() => pool?.close());

describe('worker pool', () => {
  it('passes on results and errors, with their codes', async () => {
    const { call } = open(1);
    expect(await call({ type: 'echo' }, 1)).toBe(0);
    await expect(call({ type: 'fail' }, 1)).rejects.toMatchObject({
      name: 'UserError',
      code: 'bad',
      message: 'no such thing',
    });
  });

  it('replaces a worker that crashed, tells it what it has to know, and sends its work again', async () => {
    const { call } = open(1, () => [{ type: 'setup' }, { type: 'setup' }]);
    expect(await call({ type: 'echo' }, 1)).toBe(0);
    const answers = await Promise.all([
      call({ type: 'echo' }, 1),
      call({ type: 'crash-once' }, 1),
      call({ type: 'echo' }, 1),
    ]);
    expect(answers).toEqual([0, 2, 2]);
  });

  it('rejects work that crashes twice, and goes on', async () => {
    const { call } = open(1);
    await call({ type: 'echo' }, 1);
    await expect(call({ type: 'crash' }, 1)).rejects.toThrow(
      'the worker crashed twice on this request: struck by lightning',
    );
    expect(await call({ type: 'echo' }, 1)).toBe(0);
  });

  it('ends when a worker cannot start', async () => {
    const { call } = open(1, () => [], 4, script('broken.mjs', "throw new Error('no runtime');"));
    await expect(call({ type: 'echo' }, 1)).rejects.toThrow('a worker could not start: no runtime');
    await expect(call({ type: 'echo' }, 1)).rejects.toThrow('a worker could not start');
  });

  it('gives work to the least loaded, keeps the rest until there is room, and reaches every worker', async () => {
    const { call, broadcast } = open(2);
    const held = [call({ type: 'hold' }, 3), call({ type: 'hold' }, 3), call({ type: 'hold' }, 1)];
    const waiting = call({ type: 'who' }, 3);
    let waited = true;
    void waiting.then(() => {
      waited = held.length > 3;
    });
    await broadcast({ type: 'setup' });
    expect(waited).toBe(true);
    await broadcast({ type: 'release' });
    const [first, second, third] = await Promise.all(held);
    expect(second).not.toBe(first);
    expect(third).toBe(first);
    expect([first, second]).toContain(await waiting);
  });

  it('takes a call larger than its capacity', async () => {
    expect(await open(1).call({ type: 'echo' }, 100)).toBe(0);
  });
});
