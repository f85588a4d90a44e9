import { contextOf } from '../pipelines/context.js';
import type { PipelineSpec } from '../pipelines/spec.js';

/** Fields that the student's side may not see, by topic. */
const fields: Readonly<Record<string, readonly string[]>> = {
  privileged: ['content', 'title'],
  references: ['answer', 'data'],
};

/** Whether a field of a topic's records is privileged; `field` may be a path into it. */
export function isVeiled(topic: string, field: string): boolean {
  const [name = ''] = field.split(/[.[]/);
  return fields[topic]?.includes(name) ?? false;
}

/** Whether a topic's records have privileged fields. */
export const hasVeil = (topic: string): boolean => topic in fields;

/** Topics of texts that a pipeline reads as privileged context: the whole value and the title are. */
export function isSourceTopic(spec: PipelineSpec, topic: string): boolean {
  return contextOf(spec).sources.some((source) => 'topic' in source && source.topic === topic);
}

/** What is shown in the place of a privileged value: how long it is. */
export function veil(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  const { length } = value instanceof Uint8Array ? value : String(value);
  return `[privileged, ${length} ${value instanceof Uint8Array ? 'bytes' : 'characters'}]`;
}
