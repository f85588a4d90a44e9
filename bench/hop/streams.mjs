// The hop by Kafka Streams, in a process of its own. `Hop.java` runs from its source, and what it needs comes from Maven.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CURRENT } from '../../test/broker/broker.mjs';
import { fetchJars, missingCommand } from '../../test/broker/maven.mjs';

const program = fileURLToPath(new URL('Hop.java', import.meta.url));

/** Why Kafka Streams cannot run here, in one line; undefined where it can. */
export async function streamsMissing() {
  const missing = await missingCommand(['java', 'javac', 'mvn']);
  return missing && `Kafka Streams is left out: install a JDK 17 and Maven ("${missing}" was not found)`;
}

/**
 * @param {import('./passes.mjs').HopOptions} options
 * @returns {Promise<import('./passes.mjs').Hop>}
 */
export async function streamsHop(options) {
  const artifacts = [`org.apache.kafka:kafka-streams:${CURRENT}`, 'org.slf4j:slf4j-simple:1.7.36'];
  const home = await fetchJars(`kafka-streams-${CURRENT}`, artifacts);
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-'));
  const properties = { ...options, brokers: options.brokers.join(','), folder };
  const settings = [
    '-Xmx512m',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
  ];
  try {
    return JSON.parse(
      (await promisify(execFile)('java', [...settings, '-cp', join(home, 'lib', '*'), program])).stdout,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
