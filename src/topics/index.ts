export { float32Array, float32Bytes, int32Array, int32Bytes } from './arrays.js';
export { type AvroSchema, avroCodec, type Codec } from './avro.js';
export { codecFor, schemaTopics } from './codec.js';
export { type TopicDigest, topicDigest } from './digest.js';
export { type EmbeddedOptions, openEmbedded } from './embedded/index.js';
export * from './log.js';
export { partitionOf } from './partition.js';
export type * from './records.js';
export { scan } from './scan.js';
