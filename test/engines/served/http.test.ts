import { afterEach, describe, expect, it } from 'vitest';
import { Busy, connectTo, Refused, Unreachable } from '../../../src/engines/served/http.js';
import { type Handler, type Loopback, loopback } from './loopback.js';

let server: Loopback;
const serve = async (handler: Handler, apiKey?: string) => {
  server = await loopback(handler);
  return connectTo(server.url, apiKey);
};
afterEach(() => server.stop());
const limits = { timeoutMs: 5_000 };

describe('a connection', () => {
  it('posts JSON and reads JSON, below the path of its address', async () => {
    server = await loopback((path, body) => ({ json: { path, body } }));
    const connection = connectTo(`${server.url}/served/`);
    expect(await connection.request('/v1/models', { ...limits, body: '{"a":1}' })).toEqual({
      path: '/served/v1/models',
      body: '{"a":1}',
    });
    connection.close();
  });

  it.each([
    [429, Busy],
    [503, Busy],
    [404, Refused],
    [302, Refused],
  ])('tells status %i apart, with what the server says of it', async (status, kind) => {
    const connection = await serve(() => ({ status, json: { error: { message: 'no such thing' } } }));
    const failed = connection.request('/x', limits);
    await expect(failed).rejects.toThrow(kind);
    await expect(failed).rejects.toThrow(`${server.url}/x: status ${status}: no such thing`);
  });

  it('finds a server unreachable that breaks off, keeps silent or is gone', async () => {
    const connection = await serve((path) => (path === '/break' ? 'break' : 'silent'));
    await expect(connection.request('/break', limits)).rejects.toThrow(Unreachable);
    await expect(connection.request('/silent', { timeoutMs: 20 })).rejects.toThrow('no answer within 0.02 s');
    await server.stop();
    await expect(connection.request('/x', limits)).rejects.toThrow(/no answer \(.*ECONNREFUSED/);
  });

  it('ends a request whose signal aborts, with the reason', async () => {
    const stop = new AbortController();
    const connection = await serve(() => {
      stop.abort(new Error('enough'));
      return 'silent';
    });
    await expect(connection.request('/x', { ...limits, signal: stop.signal })).rejects.toThrow('enough');
    await expect(connection.request('/x', { ...limits, signal: stop.signal })).rejects.toThrow('enough');
  });
});
