// A real schema registry for tests: Apicurio Registry with Confluent's API, fetched once with Maven, in memory on a
// free loopback port.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePorts } from './broker.mjs';
import { fetchUnpacked } from './maven.mjs';

/** The newest release that runs on Java 17. */
const RELEASE = '2.6.13.Final';

/** @type {import('./registry.mjs').startApicurio} */
export async function startApicurio() {
  const artifact = `io.apicurio:apicurio-registry-app:${RELEASE}:tar.gz:all`;
  const home = await fetchUnpacked(`apicurio-${RELEASE}`, artifact);
  const [port] = await freePorts(1);
  const options = ['-Xmx400m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const settings = { 'quarkus.http.host': '127.0.0.1', 'quarkus.http.port': port, 'quarkus.log.level': 'ERROR' };
  const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  const jar = join(home, `apicurio-registry-app-${RELEASE}-runner.jar`);
  const child = spawn('java', [...options, ...properties, '-jar', jar], { stdio: ['ignore', 'pipe', 'pipe'] });
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  let tail = '';
  const take = (text) => {
    tail = (tail + text).slice(-5000);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const answers = () =>
    fetch(`${url}/subjects`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`the schema registry stopped while starting:\n${tail}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // Confluent's default, which Apicurio leaves off.
  await fetch(`${url}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ compatibility: 'BACKWARD' }),
  });
  return {
    url,
    async close() {
      process.off('exit', atExit);
      child.kill('SIGKILL');
    },
  };
}
