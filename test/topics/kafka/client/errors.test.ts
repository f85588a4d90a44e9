import kafkajs from 'kafkajs';
import { expect, it } from 'vitest';
import { aliasOf } from '../../../../src/topics/kafka/client/broker-address.js';
import { explain, isTransient } from '../../../../src/topics/kafka/client/errors.js';

const connection = (message: string) => new kafkajs.KafkaJSConnectionError(message);

it.each([
  ['Connection error: getaddrinfo EAI_AGAIN kafka-ssl.tls.internal', true, 'kafka-unreachable'],
  ['Connection error: connect ECONNREFUSED 10.0.0.1:9093', true, 'kafka-unreachable'],
  // A broker that is restarted breaks off handshakes.
  [
    'Connection error: Client network socket disconnected before secure TLS connection was established',
    true,
    'kafka-tls',
  ],
  ['Connection error: self-signed certificate in certificate chain', false, 'kafka-tls'],
  [
    "Connection error: Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames",
    false,
    'kafka-tls',
  ],
  ['Connection error: 0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate', false, 'kafka-tls'],
])('%s: may pass by itself: %s', (message, transient, code) => {
  expect(isTransient(connection(message))).toBe(transient);
  expect(explain(connection(message), ['a:1'], 'reading')).toMatchObject({ code });
});

it('names brokers as the user wrote them, also by IPv6 addresses', () => {
  const error = explain(
    connection('Connection error: connect ECONNREFUSED ::1:9092'),
    [aliasOf('[::1]:9092')],
    'reading',
  );
  expect(error).toMatchObject({ message: expect.stringContaining('at [::1]:9092:') });
});
