import { pattern } from '../pattern.js';

/** "not 5", "it cannot be 5": not the answer. */
const DENIAL = pattern(
  'i',
  String.raw`(?:\bnot|n't|\bnever|\bcannot|\banything but|\bexcept(?: for)?|\brather than|\binstead of|`,
  String.raw`\bother than)\s*(?:(?:be|equal(?: to)?|a|an|the|is)\s*)*[\s:$*]*(?:\\[([]\s*)?$`,
);

/** Whether the words right before an index say that what follows is not the answer. */
export const isDenied = (text: string, start: number): boolean =>
  DENIAL.test(text.slice(Math.max(0, start - 60), start));
