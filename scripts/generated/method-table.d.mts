import type { MethodDefinition } from '../../src/methods/method.js';

export function withMethods(page: string, methods: readonly MethodDefinition[]): string;
