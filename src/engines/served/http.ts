import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { UserError } from '../../support/errors.js';
import { redactMessage } from '../../support/secrets.js';

/** No answer came: no connection, one that broke off, or none within the time limit. */
export class Unreachable extends Error {}

/** The server answered that it cannot serve this request now: status 429 or 5xx. */
export class Busy extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** The server refused the request: another status than 2xx, 429 and 5xx. */
export class Refused extends UserError {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super('server-refused', message);
  }
}

export interface RequestOptions {
  /** JSON to post; without it the request is a GET. */
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds until the whole answer has come. */
  readonly timeoutMs: number;
}

/** A way to one server. Not `fetch`: its limit of five minutes cannot be changed without a further package. */
export interface Connection {
  /** Address as messages show it. */
  readonly name: string;
  /**
   * The parsed JSON of the answer; undefined where it is empty or no JSON.
   * @throws {Unreachable} {@link Busy} {@link Refused}, and the signal's reason once it aborts
   */
  request(path: string, options: RequestOptions): Promise<unknown>;
  close(): void;
}

/** @param url of the server, without the `/v1` of its paths */
export function connectTo(url: string, apiKey?: string): Connection {
  const base = new URL(url.replace(/\/+$/, ''));
  const isTls = base.protocol === 'https:';
  const agent = new (isTls ? TlsAgent : PlainAgent)({ keepAlive: true });
  const send = isTls ? tlsRequest : plainRequest;
  const name = redactMessage(base.href.replace(/\/$/, ''));
  const headers = {
    accept: 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };

  function exchange(path: string, { body, signal, timeoutMs }: RequestOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const target = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
      const posted = body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      };
      const method = body === undefined ? 'GET' : 'POST';
      const outgoing = send(target, { method, agent, headers: { ...headers, ...posted } }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          finish();
          resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      const timer = setTimeout(() => {
        outgoing.destroy(new Unreachable(`no answer within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const onAbort = () => outgoing.destroy(new Error('aborted'));
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (cause: Error) => {
        finish();
        if (signal?.aborted) reject(signal.reason);
        else reject(new Unreachable(`${name}: no answer (${redactMessage(reasonOf(cause))})`));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  }

  return {
    name,
    async request(path, options) {
      const { status, text } = await exchange(path, options);
      if (status >= 200 && status < 300) return parsed(text);
      const message = redactMessage(`${name}${path}: status ${status}${detailOf(text)}`);
      if (status === 429 || status >= 500) throw new Busy(message, status);
      throw new Refused(message, status);
    },
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Node gives several causes, and no message, where a name has several addresses. */
function reasonOf(cause: Error): string {
  const [first] = cause instanceof AggregateError ? (cause.errors as readonly Error[]) : [];
  return (first ?? cause).message || (cause as NodeJS.ErrnoException).code || cause.name;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const SHOWN_CHARACTERS = 300;

/** What a server says of a failure: `error.message`, `message` or `detail` in JSON, or the text. */
function detailOf(text: string): string {
  const json = parsed(text);
  const fields = typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
  const { error, message, detail } = fields;
  const inner = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  const said = [inner, message, detail].find((value) => typeof value === 'string') ?? text;
  return said === '' ? '' : `: ${String(said).slice(0, SHOWN_CHARACTERS)}`;
}
