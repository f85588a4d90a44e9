import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readHttpSettings } from '../../../src/verifiers/http/settings.js';
import { createHttpVerifier } from '../../../src/verifiers/http/verifier.js';
import { ask } from '../question.js';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  const opened = createServer(listener);
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(opened.address() as AddressInfo).port}/judge`;
}

const verifier = (settings: object) => createHttpVerifier(readHttpSettings(settings, 'verify.http'));
const correct = JSON.stringify({ verdict: 'correct', reward: 0.5, reason: 'fine', evidence: { seen: 'x' } });

describe('a verifier service', () => {
  it('receives the question and headers and returns a judgement', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        const { authorization, 'content-type': type } = request.headers;
        seen.push([request.method, request.url, authorization, type, JSON.parse(body)]);
        response.end(correct);
      });
    });
    const judged = await verifier({ url, headers: { authorization: 'Bearer t' } }).verify(ask('x', '5', { a: 1 }));
    expect(judged).toEqual({ verdict: 'correct', reward: 0.5, reason: 'fine', evidence: { seen: 'x' } });
    expect(seen).toEqual([['POST', '/judge', 'Bearer t', 'application/json', ask('x', '5', { a: 1 })]]);
  });

  it.each([429, 500, 503])('is retried after status %i', async (status) => {
    let asked = 0;
    const url = await serve((_, response) => (++asked < 2 ? response.writeHead(status).end() : response.end(correct)));
    expect((await verifier({ url, retries: 1 }).verify(ask('x'))).verdict).toBe('correct');
    expect(asked).toBe(2);
  });

  it('is retried after a timeout, and then fails', async () => {
    const url = await serve(() => {});
    const judged = verifier({ url, seconds: 0.05, retries: 1 }).verify(ask('x'));
    await expect(judged).rejects.toThrow(`${url}: no answer within 0.05 s, after 2 attempts`);
  });

  it('is retried after a broken connection, and then fails', async () => {
    let asked = 0;
    const url = await serve((request) => {
      asked++;
      request.socket.destroy();
    });
    await expect(verifier({ url, retries: 1 }).verify(ask('x'))).rejects.toThrow(/no answer \(.+\), after 2 attempts/);
    expect(asked).toBe(2);
  });

  it.each([
    [400, '', 'status 400, expected 200'],
    [404, '', 'status 404, expected 200'],
    [302, '', 'no answer'],
    [200, 'oops', 'found an answer that is not JSON, expected a judgement'],
    [200, '{"verdict":"maybe","reward":1}', '.verdict: found the string "maybe", expected one of correct'],
    [200, '{"verdict":"correct"}', '.reward: found nothing, expected a number'],
    [200, '{"verdict":"correct","reward":"1"}', '.reward: found a string of 1 characters, expected a number'],
    [200, '{"verdict":"correct","reward":1,"score":2}', '.score: unknown field'],
    [200, '[]', 'found a list, expected an object'],
  ])('never becomes a verdict where it answers %i %s', async (status, body, message) => {
    const url = await serve((_, response) => response.writeHead(status, { location: '/elsewhere' }).end(body));
    await expect(verifier({ url, retries: 0 }).verify(ask('x'))).rejects.toThrow(message);
  });

  it('is not retried once the verifier closes or the caller aborts', async () => {
    const url = await serve(() => {});
    const closing = verifier({ url, retries: 9 });
    const first = closing.verify(ask('x'));
    const stop = new AbortController();
    const second = verifier({ url, retries: 9 }).verify(ask('x'), stop.signal);
    await closing.close();
    stop.abort(new Error('the run stops'));
    await expect(first).rejects.toThrow('the verifier was closed');
    await expect(second).rejects.toThrow('the run stops');
  });

  it.each([
    [{}, 'verify.http.url: found nothing'],
    [
      { url: 'ftp://127.0.0.1' },
      'verify.http.url: found a string of 15 characters, expected an http or https address without a login',
    ],
    [{ url: 'http://user:90210777@127.0.0.1' }, 'verify.http.url: found a string of 30 characters, expected'],
    [{ url: 'http://127.0.0.1', retries: 1.5 }, 'verify.http.retries: found the number 1.5, expected a whole number'],
    [{ url: 'http://127.0.0.1', seconds: 0 }, 'verify.http.seconds: found the number 0'],
    [{ url: 'http://127.0.0.1', headers: { a: 1 } }, 'verify.http.headers.a: found a number'],
    [{ url: 'http://127.0.0.1', retrys: 1 }, 'did you mean "retries"?'],
  ])('is described rightly: %j', (settings, message) => {
    expect(() => verifier(settings)).toThrow(message);
  });
});
