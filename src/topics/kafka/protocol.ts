import {
  type Broker,
  type Decoder,
  decodeBatch,
  decoder,
  type Encoder,
  type Exchange,
  encoder,
  protocolError,
  type RecordBatch,
} from './internals.js';

/**
 * Three requests in the version that is needed here: offsets that are stable (OffsetFetch 7), offsets that carry the member's
 * generation (TxnOffsetCommit 3), and fetches that keep empty and aborted batches apart (Fetch 11). Brokers from 2.5 on have them.
 */
const OFFSET_FETCH = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' };
const TXN_OFFSET_COMMIT = { apiKey: 28, apiVersion: 3, apiName: 'TxnOffsetCommit' };
const FETCH = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' };

/** The requests that a broker must have, as name and version. */
export const required = [OFFSET_FETCH, TXN_OFFSET_COMMIT, FETCH];

export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** The items by topic, in the order in which the topics first come. */
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
const check = (code: number) => {
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
 * The committed offsets of a group, -1 where there is none. Fails with UNSTABLE_OFFSET_COMMIT (to be tried again) while a
 * transaction that moves one of them is open.
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

/** Adds offsets to an open transaction. The coordinator refuses those of a member that is not of the group's current generation. */
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

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Code of the protocol, 0 where all is well. */
  readonly error: number;
  readonly logStart: bigint;
  readonly aborted: readonly { readonly producerId: string; readonly firstOffset: bigint }[];
  readonly batches: readonly RecordBatch[];
}

/** Reads committed batches of these partitions, which the broker must lead. Waits up to `waitMs` where there are none. */
export function fetchBatches(
  broker: Broker,
  partitions: readonly TopicPartitionOffset[],
  limits: { readonly waitMs: number; readonly partitionBytes: number; readonly totalBytes: number },
): Promise<FetchedPartition[]> {
  return broker.connectionPool.send({
    request: {
      ...FETCH,
      encode: async () =>
        encoder()
          .writeInt32(-1) // not a replica
          .writeInt32(limits.waitMs)
          .writeInt32(1)
          .writeInt32(limits.totalBytes)
          .writeInt8(1) // read committed
          .writeInt32(0) // no fetch session
          .writeInt32(-1)
          .writeArray(
            byTopic(partitions, (position) => position).map(({ topic, partitions: list }) =>
              encoder()
                .writeString(topic)
                .writeArray(
                  list.map(({ partition, offset }) =>
                    encoder()
                      .writeInt32(partition)
                      .writeInt32(-1)
                      .writeInt64(String(offset))
                      .writeInt64('-1')
                      .writeInt32(limits.partitionBytes),
                  ),
                ),
            ),
          )
          .writeArray([])
          .writeString(''),
    },
    response: {
      decode: async (data) => {
        const d = decoder(data);
        return { clientSideThrottleTime: d.readInt32(), value: await decodeFetch(d) };
      },
      parse: async ({ value }) => value,
    },
    requestTimeout: limits.waitMs + 30_000,
  });
}

async function decodeFetch(d: Decoder): Promise<FetchedPartition[]> {
  check(d.readInt16());
  d.readInt32(); // session
  const found: FetchedPartition[] = [];
  for (let topics = d.readInt32(); topics > 0; topics--) {
    const topic = d.readString();
    for (let partitions = d.readInt32(); partitions > 0; partitions--) {
      const partition = d.readInt32();
      const error = d.readInt16();
      d.readInt64(); // high watermark
      d.readInt64(); // last stable offset
      const logStart = BigInt(d.readInt64().toString());
      const aborted = d.readArray((a) => ({
        producerId: a.readInt64().toString(),
        firstOffset: BigInt(a.readInt64().toString()),
      }));
      d.readInt32(); // preferred replica
      const size = d.readInt32();
      const batches = size > 0 ? await decodeBatches(decoder(d.readBytes(size))) : [];
      found.push({ topic, partition, error, logStart, aborted, batches });
    }
  }
  return found;
}

const BATCH_HEADER = 61;

async function decodeBatches(d: Decoder): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  while (d.canReadBytes(BATCH_HEADER)) {
    try {
      batches.push(await decodeBatch(d));
    } catch (error) {
      // A fetch ends in the middle of a batch where the size limit falls there.
      if (error instanceof Error && error.name === 'KafkaJSPartialMessageError') break;
      throw error;
    }
  }
  return batches;
}
