import { expect, it } from 'vitest';
import { withFigures } from '../../scripts/generated/figure-table.mjs';
import * as figures from '../../src/pipelines/running/figures.js';
import { read } from './markdown.js';

it('docs/metrics.md has the figures that the code records (`npm run records` writes them)', () => {
  const page = read('docs/metrics.md');
  expect(withFigures(page, figures)).toBe(page);
});
