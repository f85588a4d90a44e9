import { z } from 'zod';
import { hasLogin, isReference, type Reference, reveal, revealAll } from '../../support/secrets.js';
import { parseSettings } from '../../support/settings.js';

/** Codecs: the name in the settings and Kafka's number. */
export const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

export type Compression = keyof typeof COMPRESSION;

/** A value that is read when the log opens and never printed: an environment variable or the content of a file. */
export type Secret = Reference;

const text = z.string('expected a non-empty string').min(1, 'expected a non-empty string');

/** Messages never quote the value, which may be the secret itself. */
const secret = z
  .preprocess(
    (value, context) => {
      if (isReference(value)) return value;
      const forms = '{ env: NAME } or { file: PATH }';
      let message = `a secret cannot be written here; use ${forms}`;
      if (value === undefined) message = `is missing; expected ${forms}`;
      else if (typeof value === 'object') message = `expected ${forms}`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    },
    z.union([z.strictObject({ env: text }), z.strictObject({ file: text })]),
  )
  .describe('{ env: NAME } or { file: PATH }; never the secret itself.');

/** A text that is checked where it is used if it contains a reference. */
const matching = (form: RegExp, error: string) => z.string(error).regex(new RegExp(`${form.source}|\\$\\{`), error);
const url = matching(/^https?:\/\/\S+$/, 'expected an http or https address').refine(
  (address) => !hasLogin(address),
  'found a login in the address; expected it without, and the login as fields of its own',
);
const prefix = matching(/^[A-Za-z0-9._-]{0,100}$/, 'expected letters, digits, ".", "_" and "-"');
const whole = (min: number, max: number) => {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int(error).min(min, error).max(max, error);
};

const tls = z
  .union([
    z.boolean(),
    z
      .strictObject({
        ca: secret.exactOptional().describe('PEM of the authorities to trust. Default: those of the system.'),
        cert: secret.exactOptional().describe("PEM of the client's certificate."),
        key: secret.exactOptional().describe("PEM of the certificate's key."),
        passphrase: secret.exactOptional(),
      })
      .refine(
        ({ cert, key }) => (cert === undefined) === (key === undefined),
        'expected both cert and key, or neither',
      ),
  ])
  .describe('true, or the PEM files of a private authority or a client certificate.');

const login = z.strictObject({ username: text, password: secret });

const token = z.union([
  z.strictObject({ token: secret.describe('The token itself, read again at every login.') }),
  z.strictObject({ url, clientId: text, clientSecret: secret, scope: text.exactOptional() }),
]);

const sasl = z
  .union([
    z.strictObject({ plain: login }),
    z.strictObject({ 'scram-sha-256': login }),
    z.strictObject({ 'scram-sha-512': login }),
    z.strictObject({ oauthbearer: token }),
    z.strictObject({
      module: text.describe(
        'A module of your own, such as for the tokens of a cloud. Its default export returns a token for ' +
          'OAUTHBEARER, or is a mechanism as kafkajs takes it.',
      ),
    }),
  ])
  .describe('How to log in: one of plain, scram-sha-256, scram-sha-512, oauthbearer and module.');

const schemaRegistry = z
  .strictObject({ url, username: text.exactOptional(), password: secret.exactOptional() })
  .describe('Confluent-compatible registry for the schemas of the records.');

const ADDRESS = 'expected "host:port", such as "broker1:9092"';

const address = matching(/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/, ADDRESS).check(({ value, issues }) => {
  const port = Number(/:(\d{1,5})$/.exec(value)?.[1] ?? 1);
  if (port < 1 || port > 65_535)
    issues.push({ code: 'invalid_format', format: 'regex', input: value, message: ADDRESS });
});

const brokers = z.array(address, 'expected a list of "host:port"').min(1, 'expected a list of "host:port"').readonly();

const connection = {
  brokers: brokers.describe('`host:port` of some of the brokers; they name the others.'),
  clientId: text.exactOptional().describe("Name in the brokers' logs. Default: rlsd."),
  tls: tls.exactOptional(),
  sasl: sasl.exactOptional(),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'], 'expected one of none, gzip, snappy, lz4, zstd')
    .exactOptional()
    .describe('Compression of what is written. Default: none.'),
  topicPrefix: prefix
    .exactOptional()
    .describe(
      'Prefix of topics, groups and transactional ids, so that pipelines share a cluster and ACLs can name them.',
    ),
  groupPrefix: prefix.exactOptional().describe('Default: topicPrefix.'),
  transactionalIdPrefix: prefix.exactOptional().describe('Default: topicPrefix.'),
  maxMessageBytes: whole(4096, 100_000_000)
    .exactOptional()
    .describe('Largest message in bytes; larger records travel in chunks. Default: 1,000,000.'),
  replicationFactor: whole(1, 100)
    .exactOptional()
    .describe("Copies of each partition of a topic that is created. Default: the cluster's."),
  sessionMs: whole(1000, 3_600_000)
    .exactOptional()
    .describe('A member that is silent for this many milliseconds loses its partitions. Default: 30,000.'),
  schemaRegistry: schemaRegistry.exactOptional(),
};

const connectionSchema = z.strictObject(connection);

/** How to reach a Kafka cluster, and the names that a pipeline uses there. References secrets, contains none. */
export type KafkaSettings = z.output<typeof connectionSchema>;
export type TlsSettings = Exclude<NonNullable<KafkaSettings['tls']>, boolean>;
export type SaslSettings = NonNullable<KafkaSettings['sasl']>;
export type TokenSettings = z.output<typeof token>;
export type RegistrySettings = NonNullable<KafkaSettings['schemaRegistry']>;

const split = (value: string): string[] => value.split(',').map((one) => one.trim());

/** `topics.kafka` of a pipeline. */
export const kafkaPipelineSchema = z
  .strictObject({
    ...connection,
    brokers: z
      .preprocess((value) => (typeof value === 'string' ? split(value) : value), brokers)
      .describe('host:port, one or several: a list, or separated by commas.'),
    partitions: z
      .int()
      .min(1)
      .default(6)
      .describe('Partitions of the topics between prompts and advantages: the most processes that a stage can use.'),
    sharedFolder: z
      .boolean()
      .default(false)
      .describe("Every process sees the run's folder: weights and checkpoints stay in it instead of topics."),
  })
  .describe('A Kafka cluster.');

export type KafkaPipelineSettings = z.output<typeof kafkaPipelineSchema>;

/**
 * Checks the settings of a Kafka cluster.
 * @throws {UserError} `kafka-settings`, one line per problem: field, found, expected
 * @example
 * parseKafkaSettings({
 *   brokers: ['broker1:9093', 'broker2:9093'],
 *   tls: { ca: { file: 'ca.pem' } },
 *   sasl: { 'scram-sha-512': { username: 'trainer', password: { env: 'KAFKA_PASSWORD' } } },
 *   topicPrefix: 'arithmetic.',
 * });
 */
export function parseKafkaSettings(input: unknown): KafkaSettings {
  return parseSettings(connectionSchema, revealAll(input, 'topics.kafka', undefined, false), '', 'kafka-settings');
}

/** The secret's value, without a trailing line break. @throws {UserError} `no-secret` if it is missing */
export const readSecret = (source: Secret, field: string): string => reveal(source, field);
