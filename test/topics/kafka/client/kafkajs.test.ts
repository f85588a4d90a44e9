import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isTransient, protocolType } from '../../../../src/topics/kafka/client/errors.js';
import {
  compressionCodecs,
  decoder,
  encoder,
  memberAssignment,
  memberMetadata,
  newCluster,
  newSockets,
  protocolError,
} from '../../../../src/topics/kafka/client/internals.js';
import { connectionOptions } from '../../../../src/topics/kafka/index.js';

// What this package takes from below kafkajs's public interface, module by module: another release that changes one of
// them fails here, by name.
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** Each private module, and where its use is tested. */
const modules: Readonly<Record<string, string>> = {
  cluster: 'here',
  loggers: 'here',
  'network/connection': 'test/topics/kafka/client/internals.test.ts',
  'network/requestQueue': 'test/topics/kafka/client/internals.test.ts',
  'network/socketFactory': 'test/topics/kafka/client/sockets.test.ts',
  'protocol/decoder': 'here',
  'protocol/encoder': 'here',
  'protocol/error': 'here',
};

it('is the release that these modules were read in', () => {
  const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  expect([dependencies.kafkajs, require('kafkajs/package.json').version]).toEqual(['2.2.4', '2.2.4']);
});

it('uses no other private module', () => {
  const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ts$/.test(file));
  const used = sources.flatMap((file) =>
    [...readFileSync(`${root}src/${file}`, 'utf8').matchAll(/kafkajs\/src\/([\w/]+)/g)].map(([, name]) => name),
  );
  expect([...new Set(used)].sort()).toEqual(Object.keys(modules));
});

const connection = await connectionOptions({ brokers: ['127.0.0.1:1'] });

describe('kafkajs/src/cluster and loggers', () => {
  const cluster = newCluster(connection, newSockets());

  it.each([
    ...['connect', 'disconnect', 'refreshMetadata', 'addMultipleTargetTopics', 'findBroker', 'findGroupCoordinator'],
    'findTopicPartitionMetadata',
  ])('has %s', (name) => {
    expect(Reflect.get(cluster, name)).toBeTypeOf('function');
  });

  it('knows no version before a broker has answered, and refuses an unknown topic', () => {
    expect(cluster.brokerPool.versions).toBeNull();
    expect(cluster.brokerPool.findConnectedBroker).toBeTypeOf('function');
    expect(() => cluster.findTopicPartitionMetadata('none')).toThrow();
  });

  it('fails with a transient error where nothing listens, and says nothing', async () => {
    const error = await cluster.connect().then(
      () => undefined,
      (reason) => reason,
    );
    expect([isTransient(error), protocolType(error)]).toEqual([true, undefined]);
  });
});

it.each([
  ...['initProducerId', 'addPartitionsToTxn', 'addOffsetsToTxn', 'endTxn', 'listOffsets', 'findGroupCoordinator'],
  ...['joinGroup', 'syncGroup', 'heartbeat', 'leaveGroup', 'disconnect'],
])('a broker of a cluster has %s', (name) => {
  expect(require('kafkajs/src/broker').prototype[name]).toBeTypeOf('function');
});

describe('kafkajs/src/protocol/encoder and decoder', () => {
  it('write what the protocol says', () => {
    const bytes = encoder(1)
      .writeInt8(1)
      .writeInt16(-2)
      .writeInt32(3)
      .writeInt64('-4')
      .writeString('ab')
      .writeString(null)
      .writeBytes(Buffer.from([7, 8]))
      .writeArray([encoder().writeInt8(9)])
      .writeUVarInt(300)
      .writeUVarIntString('c')
      .writeUVarIntString(null)
      .writeUVarIntArray([encoder().writeInt8(5)], 'object');
    expect((bytes as unknown as { buffer: Buffer }).buffer.toString('hex')).toBe(
      '01' +
        'fffe' +
        '00000003' +
        'fffffffffffffffc' +
        '00026162' +
        'ffff' +
        '000000020708' +
        '0000000109' +
        'ac02' +
        '0263' +
        '00' +
        '0205',
    );
  });

  it('read it back', () => {
    const hex = 'fffe' + '00000003' + 'fffffffffffffffc' + '00026162' + '0000000109ff' + '0263' + '00' + '0205' + '00';
    const d = decoder(Buffer.from(hex, 'hex'));
    expect([d.readInt16(), d.readInt32(), d.readInt64().toString(), d.readString()]).toEqual([-2, 3, '-4', 'ab']);
    expect(d.readArray((one) => one.readInt16())).toEqual([0x09ff]);
    expect([d.readUVarIntString(), d.readUVarIntString()]).toEqual(['c', null]);
    expect(d.readUVarIntArray((one) => one.readBytes(1))).toEqual([Buffer.from([5])]);
    d.readTaggedFields();
    expect(() => d.readInt16()).toThrow();
  });
});

it.each([
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', true],
  [6, 'NOT_LEADER_FOR_PARTITION', true],
  [22, 'ILLEGAL_GENERATION', false],
  [25, 'UNKNOWN_MEMBER_ID', false],
  [27, 'REBALANCE_IN_PROGRESS', false],
  [29, 'TOPIC_AUTHORIZATION_FAILED', false],
  [47, 'INVALID_PRODUCER_EPOCH', false],
  [51, 'CONCURRENT_TRANSACTIONS', true],
  [88, 'UNSTABLE_OFFSET_COMMIT', true],
])('kafkajs/src/protocol/error: %i is %s', (code, type, transient) => {
  const error = protocolError(code);
  expect([protocolType(error), isTransient(error)]).toEqual([type, transient]);
});

it('members of a group are written as the Java client writes them', () => {
  const metadata = memberMetadata.encode({ version: 0, topics: ['t'], userData: Buffer.from('x') });
  expect(metadata.toString('hex')).toBe('0000' + '00000001' + '000174' + '0000000178');
  expect(memberMetadata.decode(metadata)).toMatchObject({ topics: ['t'], userData: Buffer.from('x') });
  const assignment = memberAssignment.encode({ version: 0, assignment: { t: [0, 2] }, userData: Buffer.alloc(0) });
  expect(assignment.toString('hex')).toBe('0000' + '00000001' + '000174' + '000000020000000000000002' + '00000000');
  expect(memberAssignment.decode(assignment)?.assignment).toEqual({ t: [0, 2] });
  expect(memberAssignment.decode(Buffer.alloc(0))).toBeNull();
});

it('the codecs are the ones that kafkajs itself reads with', () => {
  expect(require('kafkajs/src/protocol/message/compression').Codecs).toBe(compressionCodecs);
  expect(Object.keys(compressionCodecs)).toEqual(['1', '2', '3', '4']);
});
