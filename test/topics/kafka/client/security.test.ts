import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import type { Authenticator } from '../../../../src/topics/kafka/client/internals.js';
import { saslOptions } from '../../../../src/topics/kafka/client/security.js';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

it('renews a token before it expires, and keeps it until then if the server is unreachable', async () => {
  let [issued, away] = [0, false];
  const server = createServer((_, response) => {
    response
      .writeHead(away ? 503 : 200)
      .end(away ? '' : JSON.stringify({ access_token: `t${++issued}`, expires_in: 100 }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  vi.stubEnv('TEST_CLIENT_SECRET', 'hush');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const sasl = await saslOptions({ oauthbearer: { url, clientId: 'c', clientSecret: { env: 'TEST_CLIENT_SECRET' } } });
  const { authenticationProvider } = sasl as { authenticationProvider: Authenticator };
  let said = '';
  const login = authenticationProvider({
    async saslAuthenticate({ request, response }) {
      said = (await request.encode()).subarray(4).toString();
      return response.parse(await response.decode(Buffer.alloc(4)));
    },
  });

  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  const at = async (seconds: number) => {
    vi.setSystemTime(seconds * 1000);
    await login.authenticate();
    return said;
  };
  expect(await at(0)).toBe('n,,\x01auth=Bearer t1\x01\x01');
  expect(await at(79)).toContain('t1');
  expect(await at(81)).toContain('t2');
  away = true;
  expect(await at(170)).toContain('t2');
  await expect(at(182)).rejects.toThrow(`no token from ${url}: status 503`);
  away = false;
  expect(await at(183)).toContain('t3');
  server.close();
});
