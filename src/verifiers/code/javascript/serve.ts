import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { Outcome } from '../outcome.js';
import { newEngine } from './engine.js';
import type { FromThread, Served, ToThread } from './messages.js';
import { abnormalEnd, openRealm, type Realm } from './realm.js';

export interface Serving {
  /** Answers one question of the tests. */
  answer(question: string): void;
  dispose(): void;
}

/**
 * Loads a script and answers the tests' questions about it. In between, a function of the tests may be called, for
 * whose result the thread waits.
 */
export async function serveScript(
  { script, limits, signal }: Served,
  say: (message: FromThread) => void,
): Promise<Serving | undefined> {
  const realm = openRealm(await newEngine(limits), limits, '');
  const serving: { call?: (message: string) => string | undefined } = {};
  const link = (callback: string): string => {
    say({ callback });
    for (;;) {
      const message = nextMessage(signal);
      if ('reply' in message) return message.reply;
      if ('question' in message) answerOne(message.question);
    }
  };
  const codec = realm.start('codec.js');
  const host = codec && realm.hostFunction('link', link);
  const serve = host && realm.start('program.js', codec, host, realm.timers);
  if (serve) serving.call = (message) => realm.call(serve, message);
  realm.run(script, 'main.js')?.dispose();
  realm.jobs();
  const answerOne = (question: string) => {
    const answer = serving.call?.(question);
    if (realm.depth() === 0) realm.jobs();
    const news = serving.call?.('news');
    const end = endedEarly(realm);
    if (answer === undefined || news === undefined || end)
      say({ ended: end ?? { outcome: 'crash', detail: 'the program was stopped' } });
    else say({ answer, news });
  };
  const unloaded = endedEarly(realm);
  if (unloaded || !serve) {
    say({ ended: unloaded ?? { outcome: 'crash', detail: 'the program did not load' } });
    return undefined;
  }
  say({ loaded: true });
  return { answer: answerOne, dispose: () => realm.dispose() };
}

/** Waits for a message without leaving the turn. */
function nextMessage(signal: Int32Array): ToThread {
  for (;;) {
    const seen = Atomics.load(signal, 0);
    const received = parentPort && receiveMessageOnPort(parentPort);
    if (received) return received.message as ToThread;
    Atomics.wait(signal, 0, seen);
  }
}

function endedEarly({ state }: Realm): Outcome | undefined {
  const end = abnormalEnd(state);
  if (end || !state.stopped) return end;
  return { outcome: 'crash', detail: 'the program left before its test was over' };
}
