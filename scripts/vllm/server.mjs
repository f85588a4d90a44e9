// A vLLM server for a test or benchmark, from the virtual environment that VLLM_VENV names (scripts/vllm.sh install).
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../vllm.sh', import.meta.url));
/** Minutes that a start may take on a busy machine. */
const MINUTES = 10;

/** The virtual environment; ends the program with one line where there is none. */
export function venv() {
  const found = process.env.VLLM_VENV;
  if (found) return found;
  console.log('not run: set VLLM_VENV to an environment of `scripts/vllm.sh install`');
  process.exit(0);
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((done) => server.close(done));
  return port;
}

/**
 * Starts a server and waits until it answers.
 * @param {string} log file for what the server prints
 * @param {{ model: string, port?: number, more?: readonly string[] }} options `more`: options of `vllm serve`
 */
export async function startServer(log, { port, model, more = [] }) {
  const place = port ?? (await freePort());
  const options = ['--dtype', 'float32', '--enforce-eager', '--max-model-len', '128', ...more];
  const out = openSync(log, 'a');
  const args = [script, 'serve', venv(), model, String(place), ...options];
  // A group of its own, since the server has processes of its own that a kill has to reach.
  const child = spawn('bash', args, { stdio: ['ignore', out, out], detached: true });
  const ended = new Promise((done) => child.once('exit', () => done('ended')));
  const stop = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  process.once('exit', stop);
  const url = `http://127.0.0.1:${place}`;
  for (const until = Date.now() + MINUTES * 60_000; ; ) {
    const up = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) break;
    if (Date.now() > until || (await Promise.race([ended, wait(500)])) === 'ended')
      throw new Error(`vLLM did not start; see ${log}`);
  }
  return {
    url,
    port: place,
    async kill() {
      stop();
      await ended;
    },
  };
}
