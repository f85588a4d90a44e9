import { expect, it } from 'vitest';
import { aliasOf, hostOf, withoutAliases } from '../../../src/topics/kafka/client/broker-address.js';
import { parseKafkaSettings } from '../../../src/topics/kafka/settings.js';

it.each(['[::1]:9092', '[2001:db8::8a2e:370:7334]:19092'])('%s is taken, and connects to its address', (broker) => {
  expect(parseKafkaSettings({ brokers: [broker] }).brokers).toEqual([broker]);
  const [host = '', port, ...others] = aliasOf(broker).split(':');
  expect(others).toEqual([]);
  expect(`[${hostOf(host)}]:${port}`).toBe(broker);
  expect(withoutAliases(`no answer from ${aliasOf(broker)}.`)).toBe(`no answer from ${broker}.`);
});

it.each(['broker-1:9092', '127.0.0.1:9092'])('%s stays as it is', (broker) => {
  expect(aliasOf(broker)).toBe(broker);
  expect(hostOf(broker.split(':')[0] ?? '')).toBe(broker.split(':')[0]);
});

it.each(['::1:9092', '[::1]', '[::1]:x'])('%s is refused', (broker) => {
  expect(() => parseKafkaSettings({ brokers: [broker] })).toThrow('expected "host:port"');
});
