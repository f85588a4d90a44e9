import { setTimeout as wait } from 'node:timers/promises';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { asText, isAddress, redact, redactAll, reveal, revealAll } from '../../support/secrets.js';
import { concealing } from '../conceal.js';
import { readJudgement } from '../judgement.js';
import type { Judgement, Question, Verifier } from '../verifier.js';
import type { HttpSettings } from './settings.js';

const FIRST_PAUSE = 200;
/** Concurrent questions, including those waiting for their next attempt. */
const AT_ONCE = 16;

/** Where the settings are from, for messages and paths. */
interface HttpPlace {
  readonly name?: string;
  readonly where?: string;
  readonly folder?: string;
}

function readSecrets({ url, headers }: HttpSettings, where: string, folder: string) {
  return {
    url: addressOf(reveal(url, `${where}.url`, folder), `${where}.url`),
    headers: revealAll(headers, `${where}.headers`, folder),
  };
}

function addressOf(url: string, field: string): string {
  if (isAddress(url)) return url;
  throw new UserError(
    'bad-field',
    `${field}: found a string of ${url.length} characters, expected an http or https address without a login`,
  );
}

/** A failure worth retrying. */
class TransientError extends Error {}

/**
 * The user's own service: a POST of the question as JSON (`promptId`, `itemId`, `question`, `completion`, `reference`),
 * answered with `{"verdict", "reward", "reason", "evidence"}`. A timeout, a broken connection, 429 and 5xx are retried
 * after 0.2 s, 0.4 s, 0.8 s and so on; after the last retry, and on any other failure, `verify` rejects.
 */
export function createHttpVerifier(
  settings: HttpSettings,
  { name = 'http', where = 'verify.http', folder = process.cwd() }: HttpPlace = {},
): Verifier {
  const closing = new AbortController();
  // At each request, so that a token may be renewed, and once now, so that a missing one is found at the start.
  const secrets = () => readSecrets(settings, where, folder);
  secrets();
  const shownUrl = typeof settings.url === 'string' ? settings.url : asText(settings.url);

  async function attempt(body: string, signal: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.seconds * 1000)]);
    let response: Response;
    let text: string;
    try {
      const { url, headers: own } = secrets();
      const headers = { 'content-type': 'application/json', ...own };
      response = await fetch(url, { method: 'POST', headers, body, signal: limit, redirect: 'error' });
      text = await response.text();
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof UserError) throw cause;
      if (limit.aborted) throw new TransientError(`no answer within ${settings.seconds} s`);
      const reason =
        cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
      throw new TransientError(`no answer (${redact(reason)})`);
    }
    if (response.status === 429 || response.status >= 500) throw new TransientError(`status ${response.status}`);
    if (!response.ok) throw new UserError('verifier-service', `${shownUrl}: status ${response.status}, expected 200`);
    try {
      return JSON.parse(text);
    } catch {
      throw new UserError('verifier-service', `${shownUrl}: found an answer that is not JSON, expected a judgement`);
    }
  }

  let free = AT_ONCE;
  const waiting: (() => void)[] = [];
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  }

  async function ask(body: string, stop: AbortSignal): Promise<unknown> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt(body, stop);
      } catch (cause) {
        if (!(cause instanceof TransientError)) throw cause;
        if (tries >= settings.retries) {
          throw new UserError('verifier-service', `${shownUrl}: ${cause.message}, after ${tries + 1} attempts`);
        }
      }
      await wait(FIRST_PAUSE * 2 ** tries, undefined, { signal: stop });
    }
  }

  return {
    name,
    hash: digest('http', JSON.stringify(settings)),
    async verify(question: Question, signal?: AbortSignal): Promise<Judgement> {
      const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      return inTurn(async () => {
        const answer = await ask(JSON.stringify(question), stop);
        return concealing(question, async () => readJudgement(redactAll(answer), shownUrl), shownUrl);
      });
    },
    async close() {
      closing.abort(new Error('the verifier was closed'));
    },
  };
}
