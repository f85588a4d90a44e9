import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly status?: number;
  readonly json?: unknown;
}

/** What a server does with a request: answers, breaks the connection off, or keeps silent. */
export type Handler = (
  path: string,
  body: string,
) => Answer | 'break' | 'silent' | Promise<Answer | 'break' | 'silent'>;

export interface Loopback {
  readonly url: string;
  /** Refuses connections from now on, and breaks those off that there are. */
  stop(): Promise<void>;
  /** Listens at the same port again. */
  start(): Promise<void>;
}

/** An HTTP server on the loopback interface. */
export async function loopback(handler: Handler): Promise<Loopback> {
  let port = 0;
  let server: Server | undefined;
  const start = async () => {
    const fresh = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', async () => {
        const answer = await handler(incoming.url ?? '', Buffer.concat(chunks).toString());
        if (answer === 'silent') return;
        if (answer === 'break') incoming.socket.destroy();
        else {
          outgoing.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
          outgoing.end(answer.json === undefined ? '' : JSON.stringify(answer.json));
        }
      });
    });
    await new Promise<void>((ready) => fresh.listen(port, '127.0.0.1', ready));
    port = (fresh.address() as AddressInfo).port;
    server = fresh;
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    start,
    async stop() {
      const stopped = server;
      server = undefined;
      stopped?.closeAllConnections();
      await new Promise<void>((done) => (stopped ? stopped.close(() => done()) : done()));
    },
  };
}
