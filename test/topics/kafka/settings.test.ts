import { describe, expect, it } from 'vitest';
import { compressSnappy, uncompressSnappy } from '../../../src/topics/kafka/codecs.js';
import { parseKafkaSettings } from '../../../src/topics/kafka/settings.js';

const password = { env: 'PASSWORD' };

describe('settings of a cluster', () => {
  it.each([
    { brokers: ['a:9092'] },
    { brokers: ['a.example:9092', '10.0.0.1:9093'], tls: true, compression: 'gzip', clientId: 'x' },
    { brokers: ['a:1'], tls: { ca: { file: 'ca.pem' }, cert: { file: 'c' }, key: { env: 'KEY' } } },
    { brokers: ['a:1'], sasl: { 'scram-sha-512': { username: 'u', password } } },
    { brokers: ['a:1'], sasl: { oauthbearer: { token: { file: 't' } } } },
    { brokers: ['a:1'], sasl: { oauthbearer: { url: 'http://idp/token', clientId: 'c', clientSecret: password } } },
    { brokers: ['a:1'], topicPrefix: 'run-1.', maxMessageBytes: 5000, replicationFactor: 3, sessionMs: 45_000 },
    { brokers: ['a:1'], schemaRegistry: { url: 'https://registry:8081', username: 'u', password } },
  ])('are taken as they are: %j', (settings) => {
    expect(parseKafkaSettings(settings)).toEqual(settings);
  });

  it.each([
    [{}, 'brokers: expected a value, found nothing'],
    [[], 'expected an object, found "a list"'],
    [{ brokers: [] }, 'brokers: expected a list of "host:port"'],
    [{ brokers: ['a:1', 'b'] }, 'brokers[1]: expected "host:port", found "b"'],
    [{ broker: ['a:1'] }, 'broker: no such setting; did you mean brokers?'],
    [{ brokers: ['a:1'], tls: { cert: { file: 'c' } } }, 'tls: expected both cert and key, or neither'],
    [{ brokers: ['a:1'], sasl: { plian: {} } }, 'sasl.plian: no such setting; did you mean plain?'],
    [{ brokers: ['a:1'], sasl: { plain: { username: 'u' } } }, 'sasl.plain.password: expected a value'],
    [
      { brokers: ['a:1'], sasl: { plain: { username: 'u', password: {} } } },
      'sasl.plain.password: expected one of env, file',
    ],
    [{ brokers: ['a:1'], compression: 'lzo' }, 'compression: expected one of none, gzip, snappy, lz4, found "lzo"'],
    [{ brokers: ['a:1'], topicPrefix: 'a b' }, 'topicPrefix: expected letters'],
    [
      { brokers: ['a:1'], maxMessageBytes: 1 },
      'maxMessageBytes: expected a whole number from 4096 to 100000000, found 1',
    ],
    [
      { brokers: ['a:1'], sasl: { oauthbearer: { url: 'idp' } } },
      'sasl.oauthbearer.url: expected an http or https address',
    ],
    [{ brokers: ['a:1'], schemaRegistry: {} }, 'schemaRegistry.url: expected a value'],
  ])('are refused with field, found and expected: %j', (settings, message) => {
    expect(() => parseKafkaSettings(settings)).toThrow(message);
  });

  it('never hold or print a secret', () => {
    const written = () =>
      parseKafkaSettings({ brokers: ['a:1'], sasl: { plain: { username: 'u', password: 'hunter2' } } });
    expect(written).toThrow(/sasl.plain.password: a secret is not written here/);
    expect(written).not.toThrow(/hunter2/);
  });
});

describe('snappy as Kafka frames it', () => {
  it.each([0, 1, 1000, 32_768, 100_000])('gives %d bytes back', async (size) => {
    const data = Buffer.alloc(size, 'kafka');
    expect((await uncompressSnappy(await compressSnappy(data))).equals(data)).toBe(true);
  });
});
