import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { newSockets } from '../../../../src/topics/kafka/client/internals.js';
import { outageWatch } from '../../../../src/topics/kafka/client/outage.js';

async function server() {
  const accepted: Socket[] = [];
  const listening = createServer((socket) => void accepted.push(socket.on('error', () => {})));
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    listening.close();
  });
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  const wanted = { host: '127.0.0.1', port: address.port, onConnect: () => {}, ssl: null };
  return { accepted, wanted };
}

/** Also where the socket ends with an error. */
const closing = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

it('a client that is closed keeps no socket open, neither an old one nor one that kafkajs opens afterwards', async () => {
  const { wanted } = await server();
  const sockets = newSockets();
  const before = sockets.factory(wanted);
  await once(before, 'connect');
  const ended = closing(before);
  sockets.close();
  await ended;
  expect(before.destroyed).toBe(true);
  const after = sockets.factory(wanted);
  await closing(after);
  expect(after.destroyed).toBe(true);
});

it('an outage is told once when it has lasted two seconds, and when it is over', () => {
  let now = 0;
  const said: string[] = [];
  const watch = outageWatch(
    ['b1:9092', 'b2:9092'],
    (message) => void said.push(message),
    () => now,
  );
  const refused = new Error('connect ECONNREFUSED');
  for (; now < 1_900; now += 100) watch.failed('reading topic a', refused);
  watch.answered();
  expect(said).toEqual([]);
  for (now = 10_000; now <= 40_000; now += 500) watch.failed('reading topic a', refused);
  watch.answered();
  watch.answered();
  expect(said).toEqual([
    'Kafka at b1:9092, b2:9092 does not answer (reading topic a: connect ECONNREFUSED); trying again until it does',
    'Kafka at b1:9092, b2:9092 answers again, after 31 s',
  ]);
});
