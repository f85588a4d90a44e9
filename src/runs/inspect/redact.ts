import { contextOf } from '../../pipelines/running/context.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';

/** Privileged fields by topic. */
const fields: Readonly<Record<string, readonly string[]>> = {
  privileged: ['content', 'title'],
  references: ['answer', 'data'],
};

/** Whether a field is shown redacted. `field` may be a path into the field. */
export function isRedacted(topic: string, field: string): boolean {
  const [name = ''] = field.split(/[.[]/);
  return fields[topic]?.includes(name) ?? false;
}

/** Whether a topic's records have fields that are shown redacted. */
export const hasRedactedFields = (topic: string): boolean => topic in fields;

/** Whether a pipeline reads a topic as privileged context. Such records are redacted as a whole, with their title. */
export function isSourceTopic(spec: PipelineSpec, topic: string): boolean {
  return contextOf(spec).sources.some((source) => 'topic' in source && source.topic === topic);
}

/** Placeholder for a privileged value: its length. */
export function redact(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  const { length } = value instanceof Uint8Array ? value : String(value);
  return `[privileged, ${length} ${value instanceof Uint8Array ? 'bytes' : 'characters'}]`;
}
