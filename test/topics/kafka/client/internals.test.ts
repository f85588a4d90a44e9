import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Exchange, encoder } from '../../../../src/topics/kafka/client/internals.js';

const require = createRequire(import.meta.url);
const Connection = require('kafkajs/src/network/connection');
const RequestQueue = require('kafkajs/src/network/requestQueue');
const { createLogger } = require('kafkajs/src/loggers');
const socketFactory = require('kafkajs/src/network/socketFactory');

const exchange: Exchange<number> = {
  request: { apiKey: 18, apiVersion: 0, apiName: 'ApiVersions', encode: async () => encoder() },
  response: {
    decode: async (data) => ({ clientSideThrottleTime: 0, value: data.readInt32BE() }),
    parse: async ({ value }) => value,
  },
};

it('parses responses again after a connection closed in the middle of one', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (request) => {
      const answer = Buffer.alloc(12);
      answer.writeInt32BE(8);
      // The number of the request, by which its answer is known.
      request.copy(answer, 4, 8, 12);
      answer.writeInt32BE(42, 8);
      if (sockets.length > 1) socket.write(answer);
      else socket.write(answer.subarray(0, 10), () => socket.end());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const logger = createLogger({ level: 0, logCreator: () => () => {} });
  const { port } = server.address() as AddressInfo;
  const settings = { connectionTimeout: 5000, requestTimeout: 2000, enforceRequestTimeout: true };
  const connection = new Connection({ host: '127.0.0.1', port, logger, socketFactory: socketFactory(), ...settings });
  onTestFinished(async () => {
    await connection.disconnect();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await connection.connect();
  await expect(connection.send(exchange)).rejects.toThrow('Closed connection');
  await connection.connect();
  expect(await connection.send(exchange)).toBe(42);
});

describe('a queue of requests', () => {
  const logger = createLogger({ level: 0, logCreator: () => () => {} });
  const queueOf = () =>
    new RequestQueue({ maxInFlightRequests: null, requestTimeout: 1000, clientId: 'c', broker: 'b', logger });
  const request = (correlationId: number, sent: number[]) => ({
    entry: { correlationId, resolve() {}, reject() {} },
    expectResponse: true,
    sendRequest: () => sent.push(correlationId),
  });
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('sets no timer where nothing waits', () => {
    const queue = queueOf();
    queue.push(request(1, []));
    queue.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('sends what waited once the broker no longer throttles it', () => {
    const queue = queueOf();
    const sent: number[] = [];
    queue.maybeThrottle(50);
    queue.push(request(1, sent));
    vi.advanceTimersByTime(49);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([1]);
  });
});
