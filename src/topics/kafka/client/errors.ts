import { UserError } from '../../../support/errors.js';
import { LogUnavailableError } from '../../log.js';
import { withoutAliases } from './broker-address.js';

/** The error and everything that caused it. */
function* causes(error: unknown): Generator<Error & { type?: unknown; code?: unknown; retriable?: unknown }> {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) yield e;
}

/** The protocol's error name, such as `ILLEGAL_GENERATION`; undefined if no broker answered. */
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

// In a request for several partitions, those next to the missing one were not attempted.
const MISSING = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'OPERATION_NOT_ATTEMPTED']);

/** Whether the topic does not exist on the brokers. */
export function isMissingTopic(error: unknown): boolean {
  const type = protocolType(error);
  return type !== undefined && MISSING.has(type);
}

/** Whether a retry may succeed: no connection, no leader, no coordinator yet. */
export function isTransient(error: unknown): boolean {
  for (const { name, message, retriable, type } of causes(error)) {
    if (name === 'KafkaJSSASLAuthenticationError' || TLS_REFUSED.test(message)) return false;
    if (CONNECTION.has(name)) return true;
    if (typeof type === 'string') return retriable === true || RETRIABLE.has(type);
  }
  return false;
}

// These messages contain host names too.
const TLS_REFUSED = /certificate|SSL routines/i;
/** Errors that a broker shutting down during a handshake causes as well. */
const TLS_BROKEN_OFF = /TLS connection/;

/** Explains a failure to the user who configured the cluster; returns other errors unchanged. */
export function explain(error: unknown, brokers: readonly string[], doing: string): unknown {
  if (error instanceof UserError) return error;
  const where = withoutAliases(brokers.join(', '));
  const type = protocolType(error);
  const chain = [...causes(error)];
  const message = withoutAliases(chain.at(-1)?.message ?? String(error));
  if (type === 'ILLEGAL_SASL_STATE')
    return new UserError(
      'kafka-credentials',
      `${doing}: the listener of Kafka at ${where} does not support a login: remove sasl`,
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
  if (type === 'INVALID_TRANSACTION_TIMEOUT')
    return new UserError(
      'kafka-transaction-timeout',
      `${doing}: Kafka at ${where} grants only shorter ones: raise its transaction.max.timeout.ms, or set sharedFolder`,
    );
  if (isMissingTopic(error)) return new UserError('unknown-topic', `${doing}: Kafka at ${where} has no such topic`);
  if (isTransient(error))
    return new LogUnavailableError('kafka-unreachable', `${doing}: no answer from Kafka at ${where}: ${message}`);
  return error;
}

const CLUES: readonly (readonly [RegExp, string])[] = [
  [/closed connection|ECONNRESET|EPIPE/i, 'the listener may require TLS (tls) or a login (sasl)'],
  [/before secure TLS connection|wrong version number|packet length too long/i, 'the listener may not use TLS'],
  [
    /unable to verify|self.signed|unable to get (local )?issuer/i,
    "tls.ca must name the authority of the broker's certificate",
  ],
  [
    /alert (bad )?certificate|certificate required|alert number (42|116)/i,
    'the listener requires a client certificate (tls.cert, tls.key)',
  ],
];

/** `explain` for the first connection, where the settings are the likely cause: names the ones to check. */
export function explainConnecting(error: unknown, brokers: readonly string[]): unknown {
  const explained = explain(error, brokers, 'connecting');
  if (!(explained instanceof UserError) || explained === error) return explained;
  const clue = CLUES.find(([pattern]) => pattern.test(explained.message))?.[1];
  // OpenSSL wraps its message in a location in its own source.
  const message = explained.message.replace(/[0-9A-F]+:error:[0-9A-F]+:|[.\w/-]+\.c:\d+:/g, '').trim();
  return clue ? new UserError(explained.code, `${message}; ${clue}`) : explained;
}
