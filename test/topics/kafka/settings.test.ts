import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/support/errors.js';
import { parseSettings } from '../../../src/support/settings.js';
import { compressSnappy, uncompressSnappy } from '../../../src/topics/kafka/protocol/codecs.js';
import { kafkaPipelineSchema, parseKafkaSettings } from '../../../src/topics/kafka/settings.js';

const password = { env: 'PASSWORD' };

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error('expected an error');
}

describe('settings of a cluster', () => {
  it.each([
    { brokers: ['a:9092'] },
    { brokers: ['a.example:9092', '10.0.0.1:9093'], tls: true, compression: 'gzip', clientId: 'x' },
    { brokers: ['a:1'], tls: { ca: { file: 'ca.pem' }, cert: { file: 'c' }, key: { env: 'KEY' } } },
    { brokers: ['a:1'], sasl: { 'scram-sha-512': { username: 'u', password } } },
    { brokers: ['a:1'], sasl: { oauthbearer: { token: { file: 't' } } } },
    { brokers: ['a:1'], sasl: { module: './msk.mjs' }, compression: 'zstd' },
    { brokers: ['a:1'], sasl: { oauthbearer: { url: 'http://idp/token', clientId: 'c', clientSecret: password } } },
    { brokers: ['a:1'], topicPrefix: 'run-1.', maxMessageBytes: 5000, replicationFactor: 3, sessionMs: 45_000 },
    { brokers: ['a:1'], schemaRegistry: { url: 'https://registry:8081', username: 'u', password } },
  ])('are taken as they are: %j', (settings) => {
    expect(parseKafkaSettings(settings)).toEqual(settings);
  });

  it.each([
    [{}, 'brokers: is missing; expected a list of "host:port"'],
    [[], 'found []; expected an object'],
    [{ brokers: [] }, 'brokers: found []; expected a list of "host:port"'],
    [{ brokers: ['a:1', 'b'] }, 'brokers[1]: found "b"; expected "host:port"'],
    [{ brokers: ['a:1'], broker: 'a:1' }, 'broker: unknown field; did you mean brokers?'],
    [{ brokers: ['a:1'], tls: { cert: { file: 'c' } } }, 'tls: expected both cert and key, or neither'],
    [{ brokers: ['a:1'], sasl: { plian: {} } }, 'sasl.plian: unknown field; did you mean plain?'],
    [
      { brokers: ['a:1'], sasl: { plain: { username: 'u' } } },
      'sasl.plain.password: is missing; expected { env: NAME } or { file: PATH }',
    ],
    [
      { brokers: ['a:1'], sasl: { plain: { username: 'u', password: {} } } },
      'sasl.plain.password: expected { env: NAME } or { file: PATH }',
    ],
    [
      { brokers: ['a:1'], sasl: { plain: { username: 'u', password }, oauthbearer: { token: password } } },
      'sasl.oauthbearer: does not go with plain; expected one or the other',
    ],
    [
      { brokers: ['a:1'], compression: 'lzo' },
      'compression: found "lzo"; expected one of none, gzip, snappy, lz4, zstd',
    ],
    [{ brokers: ['a:1'], topicPrefix: 'a b' }, 'topicPrefix: found "a b"; expected letters, digits'],
    [
      { brokers: ['a:1'], maxMessageBytes: 1 },
      'maxMessageBytes: found 1; expected a whole number from 4096 to 100000000',
    ],
    [
      { brokers: ['a:1'], sasl: { oauthbearer: { url: 'idp', clientId: 'c', clientSecret: password } } },
      'sasl.oauthbearer.url: found "idp"; expected an http or https address',
    ],
    [{ brokers: ['a:1'], schemaRegistry: {} }, 'schemaRegistry.url: is missing; expected an http or https address'],
  ])('are refused with field, found and expected: %j', (settings, message) => {
    expect(messageOf(() => parseKafkaSettings(settings))).toContain(message);
  });

  it.each([
    ['http://b:9092', '"http://b:9092"'],
    ['b', '"b"'],
    ['b:9092/path', '"b:9092/path"'],
    ['b:0', '"b:0"'],
    ['b:99999', '"b:99999"'],
    ['b:65536', '"b:65536"'],
    ['a:1,,b:2', '"a:1,,b:2"'],
    ['', '""'],
    [':9092', '":9092"'],
    ['u:pw@b:9092', '"…@b:9092"'],
    ['kafka://u:pw@b:9092', '"kafka://…@b:9092"'],
  ])('of a pipeline name the brokers that were written: %j', (brokers, found) => {
    expect(messageOf(() => parseSettings(kafkaPipelineSchema, { brokers }))).toBe(
      `brokers: found ${found}; expected "host:port", such as "broker1:9092"`,
    );
  });

  it('of a pipeline take brokers separated by commas, and references', () => {
    const taken = (brokers: string) => parseSettings(kafkaPipelineSchema, { brokers }).brokers;
    expect(taken('a:1, [::1]:65535')).toEqual(['a:1', '[::1]:65535']);
    expect(taken(`\${BROKERS}`)).toEqual([`\${BROKERS}`]);
  });

  it.each(['hunter2', 1234, { value: 'hunter2' }, { env: 'A', value: 'hunter2' }, ['hunter2'], { file: 1234 }])(
    'never quote what stands in the place of a secret: %j',
    (written) => {
      const sasl = { plain: { username: 'u', password: written } };
      const message = messageOf(() => parseKafkaSettings({ brokers: ['a:1'], sasl }));
      expect(message).toMatch(/^sasl\.plain\.password: .*\{ env: NAME \} or \{ file: PATH \}$/);
      expect(message).not.toMatch(/hunter2|1234/);
    },
  );

  it.each([
    { brokers: ['a:1'], sasl: 'hunter2' },
    { brokers: ['a:1'], sasl: { plain: 'hunter2' } },
    { brokers: ['a:1'], sasl: { plain: 90210777 } },
    { brokers: ['a:1'], sasl: ['hunter2'] },
    { brokers: ['a:1'], sasl: { oauthbearer: 90210777 } },
    { brokers: ['a:1'], sasl: { plain: { username: 90210777, password } } },
    { brokers: ['a:1'], sasl: { 'scram-sha-256': { user: 'u', pasword: 'hunter2' } } },
    { brokers: ['a:1'], tls: { key: 90210777, cert: 'hunter2' } },
    { brokers: ['a:1'], tls: { passphrase: 90210777 } },
    { brokers: ['a:1'], tls: ['hunter2'] },
    { brokers: ['u:hunter2@a:1'] },
    { brokers: 'kafka://u:90210777@a:1' },
    { brokers: [{ host: 'a', password: 'hunter2' }] },
    { brokers: ['a:1'], clientId: { token: 'hunter2' } },
    { brokers: ['a:1'], schemaRegistry: 'http://u:hunter2@b' },
    { brokers: ['a:1'], schemaRegistry: { url: 'http://u:90210777@b' } },
    { brokers: ['a:1'], schemaRegistry: { url: 'http://hunter2@b' } },
    { brokers: ['a:1'], schemaRegistry: { url: 'ftp://u:hunter2@b' } },
    { brokers: ['a:1'], schemaRegistry: { url: 'http://b', username: 'u', password: 90210777 } },
    { brokers: ['a:1'], sasl: { oauthbearer: { url: 'http://u:hunter2@b', clientId: 'c', clientSecret: password } } },
  ])('never quote a password, whatever its form and place: %j', (settings) => {
    const message = messageOf(() => parseKafkaSettings(settings));
    expect(message).not.toMatch(/hunter2|90210777/);
    expect(message).not.toBe('');
  });

  it('name every problem', () => {
    expect(messageOf(() => parseKafkaSettings({ brokers: ['a'], sessionMs: 1 })).split('\n')).toEqual([
      'brokers[0]: found "a"; expected "host:port", such as "broker1:9092"',
      'sessionMs: found 1; expected a whole number from 1000 to 3600000',
    ]);
  });
});

describe('settings of a pipeline on Kafka', () => {
  it('accept brokers as a list or a string, and fill in the defaults', () => {
    const expected = { brokers: ['a:1', 'b:2'], partitions: 6, sharedFolder: false };
    expect(kafkaPipelineSchema.parse({ brokers: 'a:1, b:2' })).toEqual(expected);
    expect(kafkaPipelineSchema.parse({ brokers: ['a:1', 'b:2'] })).toEqual(expected);
  });
});

describe('snappy as Kafka frames it', () => {
  it.each([0, 1, 1000, 32_768, 100_000])('round-trips %d bytes', async (size) => {
    const data = Buffer.alloc(size, 'kafka');
    expect((await uncompressSnappy(await compressSnappy(data))).equals(data)).toBe(true);
  });
});
