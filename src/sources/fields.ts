import { nearest } from '../support/errors.js';
import { ExactNumber } from '../support/exact-json.js';
import type { Row } from './rows/row.js';

/** What is wrong with one field. */
export class FieldError extends Error {}

/** The fields of a prompt that mean something here. Others are left to their owner. */
export const fieldNames = ['id', 'question', 'answer', 'trace', 'data', 'level'] as const;
export type PromptField = (typeof fieldNames)[number];

const isFieldName = (name: string): name is PromptField => fieldNames.some((field) => field === name);

export interface UnknownField {
  readonly name: string;
  /** The field that was probably meant. */
  readonly near: PromptField;
}

/**
 * Fields whose names are slips of one that the row lacks, such as `answr`. A prompt file may have any other columns, so
 * a name counts only if it is very close and its value could be the field's.
 */
export function unknownFields(row: Row): readonly UnknownField[] {
  // Many tables have columns whose names are close to `level` and mean something else.
  const lacking = fieldNames.filter((field) => field !== 'level' && (row[field] === undefined || row[field] === null));
  return Object.entries(row).flatMap(([name, value]) => {
    if (isFieldName(name)) return [];
    const near = lacking.find((field) => isSlip(name, field) && couldBe(field, value));
    return near ? [{ name, near }] : [];
  });
}

function isSlip(name: string, field: string): boolean {
  const [written, meant] = [name.toLowerCase(), field];
  if (written === meant) return true;
  if (meant.length < 4) return false;
  const letters = (text: string) => [...text].sort().join('');
  if (letters(written) === letters(meant)) return true;
  return nearest(written, [meant], meant.length < 6 ? 1 : 2) !== undefined;
}

function couldBe(field: PromptField, value: unknown): boolean {
  if (value instanceof ExactNumber || typeof value === 'string' || typeof value === 'number') return field !== 'data';
  return field === 'data' && typeof value === 'object' && value !== null;
}
