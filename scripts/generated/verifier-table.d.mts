import type { VerifierKind } from '../../src/verifiers/kind.js';

export function withVerifiers(page: string, kinds: readonly VerifierKind[]): string;
