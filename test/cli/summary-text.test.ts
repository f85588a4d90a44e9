import { expect, it } from 'vitest';
import { documentsLine } from '../../src/cli/summary-text.js';

it('says what was read from document sources, and how often what was wrong', () => {
  const counts = { written: 12, unchanged: 3, deleted: 0, chunks: 40 };
  expect(documentsLine({ ...counts, problems: {} })).toBe('documents: 12 written, 3 unchanged, 0 deleted');
  expect(documentsLine({ ...counts, problems: { 'document-empty': 2, 'document-link': 1 } })).toMatch(
    /; .*problems: 2 document-empty, 1 document-link \(see rlsd dead-letters\)/,
  );
});
