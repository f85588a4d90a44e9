import { type AddressInfo, createServer } from 'node:net';

/**
 * Answers what every client asks first, ApiVersions, as a broker of before Kafka 2.5: OffsetFetch up to 3, and nothing
 * else.
 */
export async function oldBroker(): Promise<{ address: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (data.readInt16BE(4) !== 18) return;
      const reply = Buffer.alloc(4 + 4 + 2 + 4 + 2 * 6 + 4);
      let at = reply.writeInt32BE(reply.length - 4, 0);
      at = reply.writeInt32BE(data.readInt32BE(8), at);
      at = reply.writeInt16BE(0, at);
      at = reply.writeInt32BE(2, at);
      for (const number of [1, 0, 4, 9, 0, 3]) at = reply.writeInt16BE(number, at);
      socket.write(reply);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}
