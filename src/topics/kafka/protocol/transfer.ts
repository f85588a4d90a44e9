import { get } from '../../../support/required.js';
import { type Broker, type Decoder, decoder, encoder } from '../client/internals.js';
import { type BatchMessage, type BatchOptions, decodeBatches, encodeBatch, type RecordBatch } from './batch.js';
import { byTopic, check, FETCH, PRODUCE, type TopicPartitionOffset } from './requests.js';

const PRODUCE_MS = 30_000;

export interface OutgoingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly firstSequence: number;
  readonly messages: readonly BatchMessage[];
}

/**
 * Writes batches to partitions that the broker leads, and waits for all in-sync replicas (acks=all). Resolves to the
 * offset of the first message of each batch, in the order given.
 */
export async function produceBatches(
  broker: Broker,
  batches: readonly OutgoingBatch[],
  { transactionalId, ...producer }: Omit<BatchOptions, 'firstSequence' | 'timestamp'> & { transactionalId: string },
): Promise<bigint[]> {
  const timestamp = Date.now();
  const encoded = await Promise.all(
    batches.map(async ({ topic, partition, firstSequence, messages }) => ({
      topic,
      partition,
      bytes: await encodeBatch(messages, { ...producer, firstSequence, timestamp }),
    })),
  );
  const size = encoded.reduce((sum, { topic, bytes }) => sum + bytes.byteLength + topic.length + 64, 256);
  const bases = await broker.connectionPool.send({
    request: {
      ...PRODUCE,
      encode: async () => {
        const topics = byTopic(encoded, (batch) => batch);
        const e = encoder(size)
          .writeString(transactionalId)
          .writeInt16(-1)
          .writeInt32(PRODUCE_MS)
          .writeInt32(topics.length);
        for (const { topic, partitions } of topics) {
          e.writeString(topic).writeInt32(partitions.length);
          for (const { partition, bytes } of partitions) e.writeInt32(partition).writeBytes(bytes);
        }
        return e;
      },
    },
    response: {
      decode: async (data) => {
        const d = decoder(data);
        const value = new Map<string, bigint>();
        d.readArray((t) => {
          const topic = t.readString();
          t.readArray((p) => {
            const partition = p.readInt32();
            check(p.readInt16());
            value.set(`${topic}/${partition}`, BigInt(p.readInt64().toString()));
            p.readInt64(); // time of the append
            p.readInt64(); // first offset of the partition
          });
        });
        return { clientSideThrottleTime: d.readInt32(), value };
      },
      parse: async ({ value }) => value,
    },
  });
  return encoded.map(({ topic, partition }) => get(bases, `${topic}/${partition}`));
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Error code of the protocol, 0 for none. */
  readonly error: number;
  readonly logStart: bigint;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly batches: readonly RecordBatch[];
}

/** Reads committed batches of these partitions, which the broker must lead. Waits up to `waitMs` if there are none. */
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
        producerId: BigInt(a.readInt64().toString()),
        firstOffset: BigInt(a.readInt64().toString()),
      }));
      d.readInt32(); // preferred replica
      const size = d.readInt32();
      const batches = size > 0 ? await decodeBatches(d.readBytes(size)) : [];
      found.push({ topic, partition, error, logStart, aborted, batches });
    }
  }
  return found;
}
