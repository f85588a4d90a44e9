import {
  type Broker,
  type Decoder,
  decoder,
  type Encoder,
  type Exchange,
  encoder,
  protocolError,
} from '../client/internals.js';

/**
 * Requests in the versions needed here: stable offsets (OffsetFetch 7), offsets with the member's generation
 * (TxnOffsetCommit 3), and fetches that distinguish empty from aborted batches (Fetch 11). Kafka has them since 2.5.
 */
const OFFSET_FETCH = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' };
const TXN_OFFSET_COMMIT = { apiKey: 28, apiVersion: 3, apiName: 'TxnOffsetCommit' };
export const PRODUCE = { apiKey: 0, apiVersion: 7, apiName: 'Produce' };
export const FETCH = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' };

/** The requests that a broker must support, as name and version. */
export const required = [OFFSET_FETCH, TXN_OFFSET_COMMIT, PRODUCE, FETCH];

export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Groups items by topic, in order of first appearance. */
export function byTopic<T extends { readonly topic: string }, R>(
  items: readonly T[],
  each: (item: T) => R,
): { topic: string; partitions: R[] }[] {
  const topics = new Map<string, R[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list) list.push(each(item));
    else topics.set(item.topic, [each(item)]);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

const noTags = (e: Encoder) => e.writeUVarInt(0);
export const check = (code: number): void => {
  if (code !== 0) throw protocolError(code);
};

// A flexible request begins with the tagged fields of its header, and so does the answer.
function flexible<T>(
  api: { apiKey: number; apiVersion: number; apiName: string },
  encode: (e: Encoder) => Encoder,
  decode: (d: Decoder) => T,
): Exchange<T> {
  return {
    request: { ...api, encode: async () => noTags(encode(noTags(encoder()))) },
    response: {
      decode: async (data) => {
        const d = decoder(data);
        d.readTaggedFields();
        return { clientSideThrottleTime: d.readInt32(), value: decode(d) };
      },
      parse: async ({ value }) => value,
    },
  };
}

/**
 * The committed offsets of a group, -1 for none. Fails with UNSTABLE_OFFSET_COMMIT (retriable) while a transaction that
 * moves one of them is open.
 */
export function fetchOffsets(
  broker: Broker,
  group: string,
  partitions: readonly { topic: string; partition: number }[],
): Promise<TopicPartitionOffset[]> {
  return broker.connectionPool.send(
    flexible(
      OFFSET_FETCH,
      (e) =>
        e
          .writeUVarIntString(group)
          .writeUVarIntArray(
            byTopic(partitions, ({ partition }) => partition).map(({ topic, partitions: numbers }) => {
              const list = encoder()
                .writeUVarIntString(topic)
                .writeUVarInt(numbers.length + 1);
              for (const partition of numbers) list.writeInt32(partition);
              return noTags(list);
            }),
            'object',
          )
          .writeInt8(1), // only stable offsets
      (d) => {
        const topics = d.readUVarIntArray((t) => {
          const topic = t.readUVarIntString() ?? '';
          const list = t.readUVarIntArray((p) => {
            const partition = p.readInt32();
            const offset = BigInt(p.readInt64().toString());
            p.readInt32(); // leader epoch
            p.readUVarIntString(); // metadata
            check(p.readInt16());
            p.readTaggedFields();
            return { topic, partition, offset };
          });
          t.readTaggedFields();
          return list ?? [];
        });
        check(d.readInt16());
        return (topics ?? []).flat();
      },
    ),
  );
}

/** Adds offsets to an open transaction. @throws if the member's generation is not current */
export function commitOffsets(
  broker: Broker,
  options: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    group: string;
    generation: number;
    member: string;
    offsets: readonly TopicPartitionOffset[];
  },
): Promise<void> {
  return broker.connectionPool.send(
    flexible(
      TXN_OFFSET_COMMIT,
      (e) =>
        e
          .writeUVarIntString(options.transactionalId)
          .writeUVarIntString(options.group)
          .writeInt64(options.producerId)
          .writeInt16(options.producerEpoch)
          .writeInt32(options.generation)
          .writeUVarIntString(options.member)
          .writeUVarIntString(null) // group instance id
          .writeUVarIntArray(
            byTopic(options.offsets, (position) => position).map(({ topic, partitions }) =>
              noTags(
                encoder()
                  .writeUVarIntString(topic)
                  .writeUVarIntArray(
                    partitions.map(({ partition, offset }) =>
                      noTags(
                        encoder()
                          .writeInt32(partition)
                          .writeInt64(String(offset))
                          .writeInt32(-1)
                          .writeUVarIntString(''),
                      ),
                    ),
                    'object',
                  ),
              ),
            ),
            'object',
          ),
      (d) => {
        d.readUVarIntArray((t) => {
          t.readUVarIntString();
          t.readUVarIntArray((p) => {
            p.readInt32();
            check(p.readInt16());
            p.readTaggedFields();
          });
          t.readTaggedFields();
        });
      },
    ),
  );
}
