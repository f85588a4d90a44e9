import { UserError } from '../../support/errors.js';
import { maxDepth, maxDocumentCharacters } from './extracted.js';

export const encrypted = (path: string): UserError =>
  new UserError('document-encrypted', `${path}: found a password-protected document, expected one without a password`);

/** Gives only the name of the reader's error, since its message may quote the document. */
export function unreadable(path: string, format: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const name = error instanceof Error ? error.name : 'error';
  return new UserError('document-unreadable', `${path}: damaged, or not a ${format} file (${name})`);
}

export const tooDeep = (path: string): UserError =>
  new UserError(
    'document-unreadable',
    `${path}: elements are nested more than ${maxDepth} deep, expected at most that`,
  );

export const tooLong = (path: string, found = `more than ${maxDocumentCharacters}`): UserError =>
  new UserError(
    'document-huge',
    `${path}: found ${found} characters of text, expected at most ${maxDocumentCharacters}; split the file`,
  );
