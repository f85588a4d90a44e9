import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { spoken } from '../answer/spoken.js';
import type { Limits } from '../sandbox/limits.js';
import { type Running, startProgram } from '../sandbox/run.js';
import type { Judgement } from '../verifier.js';
import type { Environment } from './environment.js';

const script = readFileSync(new URL('./assets/judge.py', import.meta.url), 'utf8');

const limits: Limits = {
  // Importing sympy takes a second or two, and more on a busy machine.
  seconds: 60,
  memoryBytes: 2 ** 30,
  processes: 8,
  files: 256,
  fileBytes: 2 ** 20,
  outputBytes: 2 ** 30,
};
const RENEWALS = 100_000;

const answered = z.object({
  verdict: z.enum(['correct', 'incorrect', 'unparseable', 'timeout']),
  reason: z.string(),
  answer: z.string().optional(),
});

interface Session {
  readonly running: Running;
  readonly lines: AsyncIterator<string>;
}

const stopped = (verdict: 'timeout' | 'crash', reason: string): Judgement => ({
  verdict,
  reward: 0,
  reason,
  evidence: {},
});

/** Asks Math-Verify in a sandboxed Python that stays alive from one answer to the next. */
export function openSession({ program, folders }: Environment, seconds: number) {
  let session: Session | undefined;

  async function started(): Promise<Session> {
    if (session) return session;
    const running = startProgram(
      {
        command: [program, '-s', '-B', '-X', 'utf8', 'judge.py'],
        files: [{ path: 'judge.py', content: script }],
        binds: folders,
        environment: { PYTHONHASHSEED: '0', OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' },
        limits,
        renewals: RENEWALS,
        reserves: true,
      },
      true,
    );
    const lines = createInterface({ input: running.stdout })[Symbol.asyncIterator]();
    const { done } = await lines.next();
    if (done) {
      const { stderr } = await running.ended;
      throw new Error(`Math-Verify did not start: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    }
    session = { running, lines };
    return session;
  }

  return async (gold: string, completion: string): Promise<Judgement> => {
    const { running, lines } = await started();
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        running.kill();
      },
      // The script stops itself after the CPU seconds; this is for what it cannot stop.
      seconds * 1000 * 4,
    );
    running.renew();
    running.stdin.write(`${JSON.stringify({ gold, answer: spoken(completion), seconds })}\n`);
    const { value, done } = await lines.next();
    clearTimeout(timer);
    if (done) {
      session = undefined;
      const { ending } = await running.ended;
      return late || ending === 'timeout'
        ? stopped('timeout', `Math-Verify takes longer than ${seconds} s`)
        : stopped('crash', 'Math-Verify ended at its limits');
    }
    const { verdict, reason, answer } = answered.parse(JSON.parse(value));
    return { verdict, reward: Number(verdict === 'correct'), reason, evidence: answer === undefined ? {} : { answer } };
  };
}
