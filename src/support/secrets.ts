import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from './errors.js';

/** A text that is read where it is used and never recorded: an environment variable, or the content of a file. */
export type Reference = { readonly env: string } | { readonly file: string };

/** A text as a pipeline writes it: with `${NAME}` in it, or as a whole a reference. */
export type SecretText = string | Reference;

/** `${NAME}`, `${NAME:-default}`, `${file:PATH}`; with a second `$`, the text itself. */
const REFERENCES = /(\$?)\$\{(?:([A-Z_][A-Z0-9_]*)(?::-([^}]*))?|file:([^}]+))\}/g;

/** Shorter values are left in messages: they would be found in places that have nothing to do with them. */
const SHORTEST = 4;

/** What was read so far, so that no message repeats it. */
const revealed = new Map<string, string>();

/** Whether a value is `{ env: NAME }` or `{ file: PATH }`. */
export function isReference(value: unknown): value is Reference {
  if (typeof value !== 'object' || value === null) return false;
  const [entry, ...others] = Object.entries(value);
  return entry !== undefined && others.length === 0 && /^(env|file)$/.test(entry[0]) && isText(entry[1]);
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** Whether a text contains a reference, so that it can be checked only where it is read. */
export const hasReference = (value: unknown): boolean =>
  isReference(value) || (typeof value === 'string' && value.search(REFERENCES) >= 0);

/** Whether plain data contains a reference, however deep: what is recorded of it must not be what was read. */
export const containsReference = (value: unknown): boolean =>
  hasReference(value) ||
  (typeof value === 'object' && value !== null && Object.values(value).some((inner) => containsReference(inner)));

/** A reference as it stands in a text. */
export const asText = (reference: Reference): string =>
  'env' in reference ? `\${${reference.env}}` : `\${file:${reference.file}}`;

/**
 * The text itself.
 *
 * @param field what needs it, for messages
 * @param folder what paths of files are relative to
 * @throws {UserError} `no-secret`, naming the variable or file that is missing
 * @example reveal('Bearer ${TOKEN}', 'verify.http.headers.Authorization')
 */
export function reveal(text: SecretText, field: string, folder = process.cwd()): string {
  const written = isReference(text) ? asText(text) : text;
  return written.replace(
    REFERENCES,
    (found: string, doubled: string, name: string | undefined, fallback: string | undefined, file: string) => {
      if (doubled !== '') return found.slice(1);
      return name === undefined ? contentOf(file, field, folder) : variable(name, fallback, field);
    },
  );
}

function variable(name: string, fallback: string | undefined, field: string): string {
  const value = process.env[name];
  if (value) return remember(value, `\${${name}}`);
  if (fallback !== undefined) return fallback;
  throw new UserError(
    'no-secret',
    `${field}: the environment variable ${name} is not set; set it, or write $\${${name}} for the text \${${name}}`,
  );
}

function contentOf(file: string, field: string, folder: string): string {
  try {
    const content = readFileSync(resolve(folder, file), 'utf8').replace(/\r?\n$/, '');
    return remember(content, `\${file:${file}}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError('no-secret', `${field}: ${resolve(folder, file)}: cannot be read (${code})`);
  }
}

function remember(value: string, reference: string): string {
  if (value.length >= SHORTEST) revealed.set(value, reference);
  return value;
}

/**
 * Plain data with every reference in it read.
 * @param objects whether `{ env: NAME }` and `{ file: PATH }` are references too, rather than data
 */
export function revealAll<T>(value: T, field: string, folder?: string, objects?: boolean): T;
export function revealAll(value: unknown, field: string, folder?: string, objects = true): unknown {
  if (typeof value === 'string' || (objects && isReference(value))) return reveal(value, field, folder);
  if (Array.isArray(value)) return value.map((one, i) => revealAll(one, `${field}[${i}]`, folder, objects));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const inField = (key: string) => (field === '' ? key : `${field}.${key}`);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, revealAll(inner, inField(key), folder, objects)]),
  );
}

/** A login in an address or before a host: `user:password@`, `//token@`. */
const LOGIN = /(\/\/)[^\s"'/@]{1,256}@|[^\s"'/@,=({[]{1,256}:(?!\/\/)[^\s"']{0,256}@/g;

export const hasLogin = (address: string): boolean => address.search(LOGIN) >= 0;

/**
 * Whether a value is an http or https address that may be recorded: a request cannot be sent to one with a login, and
 * the spec that contains it is kept.
 */
export const isAddress = (url: unknown): boolean =>
  typeof url === 'string' && URL.canParse(url) && /^https?:/.test(url) && !hasLogin(url);

/** A message without the logins in its addresses. */
export const withoutLogins = (message: string): string =>
  message.replace(LOGIN, (_, slashes: string | undefined) => `${slashes ?? ''}…@`);

/** So that no message repeats a text which came from elsewhere than a reference. */
export const conceal = (value: string, shown: string): void => void remember(value, shown);

/** A message with references in place of the texts that were read. */
export function redact(message: string): string {
  let shown = message;
  for (const [value, reference] of byLength(revealed))
    for (const form of formsOf(value)) shown = shown.replaceAll(form, reference);
  return shown;
}

/** The same for a message about what failed, which may also quote an address with a login. */
export const redactMessage = (message: string): string => withoutLogins(redact(message));

/** Plain data with references in place of the texts that were read. */
export function redactAll<T>(value: T): T;
export function redactAll(value: unknown): unknown {
  if (revealed.size === 0) return value;
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((one) => redactAll(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redact(key), redactAll(inner)]));
}

/** The longest first: one may be part of another. */
const byLength = (values: ReadonlyMap<string, string>) => [...values].sort(([a], [b]) => b.length - a.length);

/** As a message may contain it: itself, in JSON, and in an address. */
const formsOf = (value: string): string[] => [
  ...new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]),
];
