export { float32Array, float32Bytes, int32Array, int32Bytes } from '../records/arrays.js';
export { type AvroSchema, avroCodec, type Codec } from '../records/avro.js';
export { codecFor, schemaTopics } from '../records/codec.js';
export type * from '../records/records.js';
export { type TopicDigest, topicDigest } from './digest.js';
export { openEmbedded } from './embedded/store-kind.js';
export * from './log.js';
export { partitionOf } from './partition.js';
export {
  loadStore,
  loadTopicStore,
  storeOf,
  type TopicsChoice,
  type TopicsInput,
  topicStore,
  topicStores,
} from './registry.js';
export { scan } from './scan.js';
export * from './store.js';
