import type * as figures from '../../src/pipelines/running/figures.js';

export function withFigures(page: string, lists: typeof figures): string;
