import type { LossDefinition } from '../../src/losses/loss.js';

export function withLosses(page: string, losses: readonly LossDefinition[]): string;
