import type { TransformDefinition } from '../../src/transforms/definition.js';

export function withTransforms(page: string, transforms: readonly TransformDefinition[]): string;
