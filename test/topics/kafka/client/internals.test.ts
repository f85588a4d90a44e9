import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type Exchange, encoder } from '../../../../src/topics/kafka/client/internals.js';

const require = createRequire(import.meta.url);
const Connection = require('kafkajs/src/network/connection');
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
