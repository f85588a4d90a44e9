import { UserError } from '../../../support/errors.js';

/** The error and everything that caused it. */
function* causes(error: unknown): Generator<Error & { type?: unknown; code?: unknown; retriable?: unknown }> {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) yield e;
}

/** The protocol's name for what a broker refused, such as `ILLEGAL_GENERATION`; undefined where no broker answered. */
export function protocolType(error: unknown): string | undefined {
  for (const { type } of causes(error)) if (typeof type === 'string') return type;
  return undefined;
}

const CONNECTION = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSLockTimeout',
]);
// Retriable by the protocol although kafkajs does not list them so.
const RETRIABLE = new Set(['BROKER_NOT_AVAILABLE', 'STALE_CONTROLLER_EPOCH', 'UNKNOWN', 'OPERATION_NOT_ATTEMPTED']);

// Of several partitions in one request, those beside the missing one were not attempted.
const MISSING = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'OPERATION_NOT_ATTEMPTED']);

/** True where the brokers know no such topic. */
export function isMissingTopic(error: unknown): boolean {
  const type = protocolType(error);
  return type !== undefined && MISSING.has(type);
}

/** True where the cluster may answer when it is asked again: no connection, no leader, no coordinator yet. */
export function isTransient(error: unknown): boolean {
  for (const { name, message, retriable, type } of causes(error)) {
    if (name === 'KafkaJSSASLAuthenticationError' || TLS_REFUSED.test(message)) return false;
    if (CONNECTION.has(name)) return true;
    if (typeof type === 'string') return retriable === true || RETRIABLE.has(type);
  }
  return false;
}

// Names of hosts come in these messages too.
const TLS_REFUSED = /certificate|SSL routines/i;
/** What a broker that goes down within a handshake causes as well. */
const TLS_BROKEN_OFF = /TLS connection/;

/** The same failure in words for the person who named the cluster; other errors as they are. */
export function explain(error: unknown, brokers: readonly string[], doing: string): unknown {
  if (error instanceof UserError) return error;
  const where = brokers.join(', ');
  const type = protocolType(error);
  const chain = [...causes(error)];
  const message = chain.at(-1)?.message ?? String(error);
  if (type === 'ILLEGAL_SASL_STATE')
    return new UserError(
      'kafka-credentials',
      `${doing}: the listener of Kafka at ${where} takes no login: leave sasl out`,
    );
  if (
    chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError') ||
    type === 'SASL_AUTHENTICATION_FAILED' ||
    type === 'UNSUPPORTED_SASL_MECHANISM'
  )
    return new UserError('kafka-credentials', `${doing}: Kafka at ${where} refused the credentials: ${message}`);
  if (chain.some((e) => TLS_REFUSED.test(e.message) || TLS_BROKEN_OFF.test(e.message)))
    return new UserError('kafka-tls', `${doing}: no TLS connection to Kafka at ${where}: ${message}`);
  if (type?.endsWith('AUTHORIZATION_FAILED'))
    return new UserError('kafka-denied', `${doing}: Kafka at ${where} denied it (${type}): ${message}`);
  if (isMissingTopic(error)) return new UserError('unknown-topic', `${doing}: Kafka at ${where} has no such topic`);
  if (isTransient(error))
    return new UserError('kafka-unreachable', `${doing}: no answer from Kafka at ${where}: ${message}`);
  return error;
}

const CLUES: readonly (readonly [RegExp, string])[] = [
  [/closed connection|ECONNRESET|EPIPE/i, 'the listener may want TLS (tls) or a login (sasl)'],
  [/before secure TLS connection|wrong version number|packet length too long/i, 'the listener may be one without TLS'],
  [
    /unable to verify|self.signed|unable to get (local )?issuer/i,
    "tls.ca must name the authority of the broker's certificate",
  ],
  [
    /alert (bad )?certificate|certificate required|alert number (42|116)/i,
    'the listener wants a client certificate (tls.cert, tls.key)',
  ],
];

/** `explain` for the first contact, where a failure is mostly one of the settings: says which to look at. */
export function explainConnecting(error: unknown, brokers: readonly string[]): unknown {
  const explained = explain(error, brokers, 'connecting');
  if (!(explained instanceof UserError) || explained === error) return explained;
  const clue = CLUES.find(([pattern]) => pattern.test(explained.message))?.[1];
  // OpenSSL puts the place in its own source around what it has to say.
  const message = explained.message.replace(/[0-9A-F]+:error:[0-9A-F]+:|[.\w/-]+\.c:\d+:/g, '').trim();
  return clue ? new UserError(explained.code, `${message}; ${clue}`) : explained;
}
