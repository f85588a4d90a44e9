// What Maven fetches, kept in the user's cache.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @type {import('./maven.mjs').missingCommand} */
export async function missingCommand(commands) {
  for (const command of commands) {
    const found = await run(command, ['-version']).then(
      () => true,
      () => false,
    );
    if (!found) return command;
  }
  return undefined;
}

/** The folder of this name in the cache, filled when it is not there yet. */
async function kept(name, fill) {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rlsd-streams');
  const home = join(cache, name);
  if (existsSync(home)) return home;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'fetch-'));
  await fill(fresh);
  try {
    renameSync(fresh, home);
  } catch {
    rmSync(fresh, { recursive: true, force: true }); // another process was first
  }
  return home;
}

/** @type {import('./maven.mjs').fetchJars} */
export const fetchJars = (name, dependencies) =>
  kept(name, async (folder) => {
    const listed = dependencies.map((dependency) => {
      const [group, artifact, version] = dependency.split(':');
      return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
    });
    writeFileSync(
      join(folder, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>rlsd</groupId><artifactId>jars</artifactId><version>1</version><dependencies>
${listed.join('\n')}
</dependencies></project>`,
    );
    await maven(folder, 'copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib');
  });

/** @type {import('./maven.mjs').fetchUnpacked} */
export const fetchUnpacked = (name, artifact) =>
  kept(name, (folder) => maven(folder, 'unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`));

const maven = (folder, goal, ...options) => run('mvn', ['-q', '-B', `dependency:${goal}`, ...options], { cwd: folder });
