// Packs the package, installs the packed file into an empty project as a user does, and there type-checks and runs
// programs that import it, and a short training run. Run it after a build.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'rlsd-package-'));
const installed = join(project, 'node_modules/rlsd-streams');
const { devDependencies, peerDependencies, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);

// A user does not have the settings of the `npm run` around this script.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(config|package|lifecycle)_|ONNXRUNTIME_NODE_INSTALL)/i.test(name),
  ),
);
const run = (command, args, { cwd = project, env = {} } = {}) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', env: { ...environment, ...env } });
const rlsd = (...args) => ['npx', ['--no-install', 'rlsd', ...args]];
const trainOneStep = rlsd(
  'run',
  join(installed, 'examples/arithmetic.yaml'),
  ...['--run', join(project, 'run'), '--steps', '1', '--set', 'prompts.heldOut=8', '--set', 'learn.prompts=4'],
);

/** A package that a user installs next to this one. */
const tool = (name) => `${name}@${{ ...dependencies, ...devDependencies, ...peerDependencies }[name]}`;

/** Installs ONNX Runtime with the command that its absence names, where npm left it out. */
function installRuntime() {
  if (existsSync(join(project, 'node_modules/onnxruntime-node'))) return 'installed with the package';
  const [command, args] = trainOneStep;
  const { status, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8', env: environment });
  const line = /ONNXRUNTIME_NODE_INSTALL=skip (npm) (install onnxruntime-node@[\d.]+)/.exec(stderr);
  if (status === 0 || !line) throw new Error(`expected the command that installs onnxruntime-node, found: ${stderr}`);
  run(line[1], line[2].split(' '), { env: { ONNXRUNTIME_NODE_INSTALL: 'skip' } });
  rmSync(join(project, 'run'), { recursive: true, force: true });
  return 'installed by the command that the error names';
}

try {
  const packed = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
  const [{ filename, files }] = JSON.parse(run('npm', packed, { cwd: root }));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', type: 'module', private: true }));
  run('npm', ['install', `./${filename}`]);
  const runtime = installRuntime();
  run('npm', ['install', tool('rxjs'), tool('typescript'), tool('@types/node')]);
  cpSync(join(root, 'examples/programs'), project, { recursive: true });
  run('npx', ['--no-install', 'tsc', '-p', '.']);
  for (const program of ['operators.js', 'plan.js'])
    process.stdout.write(run(process.execPath, [program, join(installed, 'examples')]));
  process.stdout.write(run(...rlsd('check', join(installed, 'examples/arithmetic.yaml'))));
  process.stdout.write(run(...trainOneStep));
  console.log(`package: ${files.length} files; onnxruntime-node ${runtime}; type-checked, ran and trained`);
} catch (error) {
  console.error(`package: ${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  process.exitCode = 1;
} finally {
  rmSync(project, { recursive: true, force: true });
}
