import { z } from 'zod';
import type { VerifierKind } from './kind.js';
import { moduleKind, verifierKinds } from './registry.js';
import { verifyProblems } from './spec.js';

/** What a run records of a verifier that was given as an object: its hash. */
const isRecordedObject = (value: Readonly<Record<string, unknown>>): boolean =>
  typeof value.object === 'string' && Object.keys(value).length === 1;

/** The `verify` block of a pipeline's spec. It is checked like the verifier itself and stays as it was written. */
export const verifySchema = z
  .record(z.string(), z.unknown())
  .superRefine((value, context) => {
    if (isRecordedObject(value)) return;
    for (const { path, message } of verifyProblems(value))
      context.addIssue({ code: 'custom', path: [...path], message });
  })
  .meta(jsonSchemaOfVerify())
  .describe('The verifier and its settings, such as { math: {} }. See [verifiers](verifiers.md).');

/** Settings of a kind as JSON Schema. */
export function settingsSchema({ settings, summary }: VerifierKind): Readonly<Record<string, unknown>> {
  const options = { io: 'input', target: 'draft-7', unrepresentable: 'any' } as const;
  const { $schema: _, ...schema } = z.toJSONSchema(settings, options);
  return { description: `correct: ${summary}`, ...schema };
}

function jsonSchemaOfVerify(): Readonly<Record<string, unknown>> {
  const verify = { $ref: '#/properties/verify' };
  const list = { type: 'array', minItems: 1, items: verify };
  const part = {
    type: 'object',
    properties: { weight: { type: 'number' }, verify },
    required: ['weight', 'verify'],
    additionalProperties: false,
  };
  const named = {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(verifierKinds.map((kind) => [kind.name, settingsSchema(kind)])),
      all: { ...list, description: 'Correct if every verifier says so.' },
      any: { ...list, description: 'Correct if one verifier says so.' },
      weighted: {
        ...list,
        items: part,
        description: 'Adds the weighted rewards; the heaviest verifier gives the verdict.',
      },
      checked: {
        ...list,
        minItems: 2,
        maxItems: 2,
        description: 'The first judges; the second reports disagreements.',
      },
    },
  };
  return { anyOf: [named, settingsSchema(moduleKind)], $comment: 'a verifier' };
}
