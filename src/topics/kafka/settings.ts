import { readFileSync } from 'node:fs';
import { nearest, UserError } from '../../support/errors.js';

/** Compression of the record batches that are written: the name in the settings and Kafka's number. These and zstd are read. */
export const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3 } as const;

export type Compression = keyof typeof COMPRESSION;

/** A value that is read when the log is opened and is never printed: an environment variable or the content of a file. */
export type Secret = { readonly env: string } | { readonly file: string };

export interface TlsSettings {
  /** PEM of the authorities to trust; the system's where left out. */
  readonly ca?: Secret;
  /** PEM of the client's certificate and its key. */
  readonly cert?: Secret;
  readonly key?: Secret;
  readonly passphrase?: Secret;
}

export interface PasswordSettings {
  readonly username: string;
  readonly password: Secret;
}

/** A token as it is, read again at every login, or where to get one with the client credentials grant of OAuth 2. */
export type TokenSettings =
  | { readonly token: Secret }
  | { readonly url: string; readonly clientId: string; readonly clientSecret: Secret; readonly scope?: string };

export type SaslSettings =
  | { readonly plain: PasswordSettings }
  | { readonly 'scram-sha-256': PasswordSettings }
  | { readonly 'scram-sha-512': PasswordSettings }
  | { readonly oauthbearer: TokenSettings };

export interface RegistrySettings {
  readonly url: string;
  readonly username?: string;
  readonly password?: Secret;
}

/** How to reach a Kafka cluster and how this pipeline lives on it. Holds names of secrets, not secrets. */
export interface KafkaSettings {
  /** `host:port` of some of the brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly tls?: boolean | TlsSettings;
  readonly sasl?: SaslSettings;
  readonly compression?: Compression;
  /** Put before the name of every topic, group and transactional id, so that pipelines share a cluster and ACLs can name them. */
  readonly topicPrefix?: string;
  readonly groupPrefix?: string;
  readonly transactionalIdPrefix?: string;
  /** Largest message in bytes; larger records travel in chunks. 4096 to 100,000,000, default 1,000,000. */
  readonly maxMessageBytes?: number;
  /** Copies of each partition of a topic that is created; the cluster's default where left out. */
  readonly replicationFactor?: number;
  /** A member that is silent for so long, in milliseconds, loses its partitions. Default 30,000. */
  readonly sessionMs?: number;
  readonly schemaRegistry?: RegistrySettings;
}

type Check = (value: unknown, at: string) => void;

const bad = (at: string, expected: string, value: unknown): never => {
  throw new UserError('kafka-settings', `${at}: expected ${expected}, found ${JSON.stringify(value) ?? 'nothing'}`);
};

const text: Check = (value, at) => {
  if (typeof value !== 'string' || value === '') bad(at, 'a text', value);
};

const whole =
  (min: number, max: number): Check =>
  (value, at) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      bad(at, `a whole number from ${min} to ${max}`, value);
  };

const pattern =
  (form: RegExp, expected: string): Check =>
  (value, at) => {
    if (typeof value !== 'string' || !form.test(value)) bad(at, expected, value);
  };

const url = pattern(/^https?:\/\/\S+$/, 'an http or https address');
const prefix = pattern(/^[A-Za-z0-9._-]{0,100}$/, 'letters, digits, ".", "_" and "-"');

const entriesOf = (value: unknown, at: string): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : bad(at, 'an object', Array.isArray(value) ? 'a list' : value);

/** An object with these fields; `must` names the ones that may not be left out. */
const fields =
  (known: Readonly<Record<string, Check>>, must: readonly string[] = []): Check =>
  (value, at) => {
    const entries = entriesOf(value, at);
    const names = Object.keys(known);
    for (const [name, field] of entries) {
      const check = known[name];
      if (check) check(field, at === '' ? name : `${at}.${name}`);
      else {
        const near = nearest(name, names);
        throw new UserError(
          'kafka-settings',
          `${at === '' ? name : `${at}.${name}`}: no such setting; ${near ? `did you mean ${near}?` : `there are ${names.join(', ')}`}`,
        );
      }
    }
    for (const name of must)
      if (!entries.some(([found]) => found === name)) bad(at === '' ? name : `${at}.${name}`, 'a value', undefined);
  };

/** An object with exactly one of these fields. */
const oneOf =
  (known: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    fields(known)(value, at);
    if (entriesOf(value, at).length !== 1)
      bad(at, `one of ${Object.keys(known).join(', ')}`, Object.keys(value as object).join(', '));
  };

const secret: Check = (value, at) => {
  // The value is not quoted: somebody may have written the secret itself.
  if (typeof value === 'string')
    throw new UserError('kafka-settings', `${at}: a secret is not written here; use {"env": NAME} or {"file": PATH}`);
  oneOf({ env: text, file: text })(value, at);
};

const password = fields({ username: text, password: secret }, ['username', 'password']);

const token: Check = (value, at) => {
  const hasToken = entriesOf(value, at).some(([name]) => name === 'token');
  if (hasToken) oneOf({ token: secret })(value, at);
  else
    fields({ url, clientId: text, clientSecret: secret, scope: text, token: secret }, [
      'url',
      'clientId',
      'clientSecret',
    ])(value, at);
};

const brokers: Check = (value, at) => {
  if (!Array.isArray(value) || value.length === 0) bad(at, 'a list of "host:port"', value);
  const one = pattern(/^[A-Za-z0-9._-]+:\d{1,5}$/, '"host:port"');
  for (const [i, broker] of (value as unknown[]).entries()) one(broker, `${at}[${i}]`);
};

const tls: Check = (value, at) => {
  if (typeof value === 'boolean') return;
  fields({ ca: secret, cert: secret, key: secret, passphrase: secret })(value, at);
  const { cert, key } = value as TlsSettings;
  if ((cert === undefined) !== (key === undefined))
    bad(at, 'both cert and key, or neither', Object.keys(value as object).join(', '));
};

const settings = fields(
  {
    brokers,
    clientId: text,
    tls,
    sasl: oneOf({ plain: password, 'scram-sha-256': password, 'scram-sha-512': password, oauthbearer: token }),
    compression: (value, at) => {
      if (typeof value !== 'string' || !(value in COMPRESSION))
        bad(at, `one of ${Object.keys(COMPRESSION).join(', ')}`, value);
    },
    topicPrefix: prefix,
    groupPrefix: prefix,
    transactionalIdPrefix: prefix,
    maxMessageBytes: whole(4096, 100_000_000),
    replicationFactor: whole(1, 100),
    sessionMs: whole(1000, 3_600_000),
    schemaRegistry: fields({ url, username: text, password: secret }, ['url']),
  },
  ['brokers'],
);

/**
 * Checks the settings of a Kafka cluster as they come from a pipeline file.
 * @throws {UserError} `kafka-settings`, naming the field, what was found and what was expected
 * @example
 * parseKafkaSettings({
 *   brokers: ['broker1:9093', 'broker2:9093'],
 *   tls: { ca: { file: 'ca.pem' } },
 *   sasl: { 'scram-sha-512': { username: 'trainer', password: { env: 'KAFKA_PASSWORD' } } },
 *   topicPrefix: 'arithmetic.',
 * });
 */
export function parseKafkaSettings(json: unknown): KafkaSettings {
  settings(json, '');
  return json as KafkaSettings;
}

/** The secret's value, without the line break that ends a file. @throws {UserError} `kafka-secret` where there is none */
export function readSecret(secretOf: Secret, at: string): string {
  if ('env' in secretOf) {
    const value = process.env[secretOf.env];
    if (value) return value;
    throw new UserError('kafka-secret', `${at}: the environment variable ${secretOf.env} is not set`);
  }
  try {
    return readFileSync(secretOf.file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UserError('kafka-secret', `${at}: cannot read the file ${secretOf.file}: ${(error as Error).message}`);
  }
}
