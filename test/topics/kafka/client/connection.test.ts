import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type KafkaSettings, openKafka } from '../../../../src/topics/kafka/index.js';
import { type Broker, startBroker } from '../../../broker/broker.mjs';
import { lacks } from '../../../needs.js';

import { oldBroker } from './old-broker.js';

const text = (value: string) => new TextEncoder().encode(value);

/** A token that the broker takes without a signature, as its test mode does. */
function unsecuredToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: now, exp: now + 600 })}.`;
}

describe.skipIf(process.env.KAFKA_BROKERS || (await lacks('kafka', 'openssl')))('TLS and SASL listeners', () => {
  let broker: Broker;
  let folder: string;
  const secret = (name: string, value: string) => {
    writeFileSync(join(folder, name), `${value}\n`);
    return { file: join(folder, name) };
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rlsd-secrets-'));
    broker = await startBroker({ tls: true, sasl: true });
    vi.stubEnv('TEST_KAFKA_PASSWORD', 'alice-secret');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Writes a record and reads it back in a group, over every kind of connection that a log has. */
  async function roundTrip(settings: Omit<KafkaSettings, 'topicPrefix'>): Promise<string> {
    const log = await openKafka({ ...settings, topicPrefix: 'secure.' });
    try {
      await log.ensureTopics([{ name: 'in', partitions: 1 }]);
      const group = `g${Math.random()}`;
      await log.append([{ topic: 'in', key: group, value: text('hello') }]);
      const consumer = await log.consumer(group, ['in']);
      for (;;) {
        const records = await consumer.poll(100, 10_000);
        const found = records.find(({ key }) => key === group);
        if (found) return new TextDecoder().decode(found.value ?? undefined);
        if (records.length === 0) return 'nothing';
      }
    } finally {
      await log.close();
    }
  }
  const ca = () => ({ file: broker.files?.ca ?? '' });
  const password = { env: 'TEST_KAFKA_PASSWORD' };

  it('TLS with a private authority', async () => {
    expect(await roundTrip({ brokers: broker.listeners.tls, tls: { ca: ca() } })).toBe('hello');
  });

  it('TLS with a client certificate', async () => {
    const cert = { file: broker.files?.cert ?? '' };
    const key = { file: broker.files?.key ?? '' };
    const brokers = broker.listeners.mtls;
    expect(await roundTrip({ brokers, tls: { ca: ca(), cert, key } })).toBe('hello');
  });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('SASL %s over TLS', async (mechanism) => {
    const settings = { brokers: broker.listeners.sasl, tls: { ca: ca() } };
    const sasl = { [mechanism]: { username: 'alice', password } } as unknown as KafkaSettings['sasl'] & object;
    expect(await roundTrip({ ...settings, sasl })).toBe('hello');
    const wrong = { [mechanism]: { username: 'alice', password: secret('wrong', 'not-this') } };
    const opening = openKafka({ ...settings, sasl: wrong as unknown as KafkaSettings['sasl'] & object });
    await expect(opening).rejects.toMatchObject({ code: 'kafka-credentials' });
    await expect(opening).rejects.not.toThrow(/not-this/);
  });

  it('SASL OAUTHBEARER with a token from a file', async () => {
    const sasl = { oauthbearer: { token: secret('token', unsecuredToken()) } };
    expect(await roundTrip({ brokers: broker.listeners.sasl, tls: { ca: ca() }, sasl })).toBe('hello');
  });

  it.each([
    ['a token for OAUTHBEARER', `export default async () => ({ token: '${unsecuredToken()}' });`],
    [
      'a mechanism',
      `export default {
        mechanism: 'PLAIN',
        authenticationProvider: ({ saslAuthenticate }) => ({
          authenticate: () => saslAuthenticate({ request: { encode: async () => {
            const bytes = Buffer.from('\\0alice\\0alice-secret');
            const length = Buffer.alloc(4);
            length.writeInt32BE(bytes.length);
            return Buffer.concat([length, bytes]);
          } } }),
        }),
      };`,
    ],
  ])('a module that gives %s', async (name, source) => {
    const module = join(folder, `${name.replaceAll(' ', '-')}.mjs`);
    writeFileSync(module, source);
    const settings = { brokers: broker.listeners.sasl, tls: { ca: ca() } };
    expect(await roundTrip({ ...settings, sasl: { module } })).toBe('hello');
    const refused = join(folder, 'refused.mjs');
    writeFileSync(refused, "export default () => 'a-token-that-is-none';");
    const opening = openKafka({ ...settings, sasl: { module: refused } });
    await expect(opening).rejects.toThrow(/refused the credentials: .*invalid_token/);
  });

  it('SASL OAUTHBEARER with a token from a server', async () => {
    const asked: string[] = [];
    const server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (data) => {
        body += data;
      });
      request.on('end', () => {
        asked.push(`${request.headers.authorization} ${body}`);
        const granted = request.headers.authorization === `Basic ${Buffer.from('rlsd:s3cret').toString('base64')}`;
        response.writeHead(granted ? 200 : 401, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(granted ? { access_token: unsecuredToken(), expires_in: 600 } : { error: 'invalid_client' }),
        );
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const settings = { brokers: broker.listeners.sasl, tls: { ca: ca() } };
    const from = (value: string) => ({
      oauthbearer: { url, clientId: 'rlsd', clientSecret: secret(`client-${value}`, value), scope: 'kafka' },
    });
    expect(await roundTrip({ ...settings, sasl: from('s3cret') })).toBe('hello');
    expect(asked[0]).toMatch(/grant_type=client_credentials&scope=kafka$/);
    const refused = openKafka({ ...settings, sasl: from('wrong') });
    await expect(refused).rejects.toThrow(/401 \(invalid_client\)/);
    server.close();
  });

  it.each([
    [
      'no login',
      () => ({ brokers: broker.listeners.sasl, tls: { ca: ca() } }),
      /may require TLS \(tls\) or a login \(sasl\)/,
    ],
    ['no TLS', () => ({ brokers: broker.listeners.tls }), /may require TLS \(tls\) or a login \(sasl\)/],
    ['TLS where there is none', () => ({ brokers: broker.brokers, tls: true }), /may not use TLS/],
    [
      'a login where there is none',
      () => ({ brokers: broker.brokers, sasl: { plain: { username: 'alice', password } } }),
      /does not support a login: remove sasl/,
    ],
    [
      'no client certificate',
      () => ({ brokers: broker.listeners.mtls, tls: { ca: ca() } }),
      /requires a client certificate/,
    ],
    ['another authority', () => ({ brokers: broker.listeners.tls, tls: true }), /tls.ca must name the authority/],
    [
      'an authority that is none',
      () => ({ brokers: broker.listeners.tls, tls: { ca: secret('none.pem', 'planted') } }),
      /^tls.ca: .*none.pem contains no PEM certificate$/,
    ],
    [
      "another's key",
      () => ({
        brokers: broker.listeners.mtls,
        tls: { ca: ca(), cert: { file: broker.files?.ca ?? '' }, key: { file: broker.files?.key ?? '' } },
      }),
      /tls.cert .*tls.key .*key values mismatch/,
    ],
    [
      'a token that is none',
      () => ({
        brokers: broker.listeners.sasl,
        tls: { ca: ca() },
        sasl: { oauthbearer: { token: secret('bad-token', 'planted') } },
      }),
      /refused the credentials: .*invalid_token/,
    ],
  ] as const)('says what is wrong with %s, in one line', async (_, settings, message) => {
    const opening = openKafka(settings());
    await expect(opening).rejects.toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
    await expect(opening).rejects.not.toThrow(/planted|\n/);
  });
});

describe('a cluster that cannot be used', () => {
  it('is named if nothing listens there', async () => {
    const opening = openKafka({ brokers: ['127.0.0.1:1', '127.0.0.1:2'] });
    await expect(opening).rejects.toMatchObject({ code: 'kafka-unreachable' });
    await expect(opening).rejects.toThrow(/127\.0\.0\.1:1, 127\.0\.0\.1:2.*ECONNREFUSED/);
  });

  it('is rejected if it is too old', async () => {
    const old = await oldBroker();
    const opening = openKafka({ brokers: [old.address] });
    await expect(opening).rejects.toMatchObject({ code: 'kafka-too-old' });
    await expect(opening).rejects.toThrow(/OffsetFetch 7 is needed, it has 3/);
    old.close();
  });

  it('is not contacted if a secret is missing', async () => {
    const brokers = ['127.0.0.1:1'];
    const sasl = { plain: { username: 'a', password: { env: 'NO_SUCH_VARIABLE' } } };
    await expect(openKafka({ brokers, sasl })).rejects.toThrow(
      'sasl.plain.password: the environment variable NO_SUCH_VARIABLE is not set',
    );
    await expect(openKafka({ brokers, tls: { ca: { file: '/no/such/file' } } })).rejects.toThrow(
      /tls\.ca: \/no\/such\/file: cannot be read/,
    );
  });
});
