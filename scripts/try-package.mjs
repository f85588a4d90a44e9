// Packs the package, installs it into an empty project, and there type-checks and runs programs that use it. Run after a build.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'rlsd-package-'));
const run = (command, args, cwd = project) => execFileSync(command, args, { cwd, encoding: 'utf8' });

try {
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], root),
  );
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', type: 'module', private: true }));
  const modules = join(project, 'node_modules');
  const installed = join(modules, 'rlsd-streams');
  run('mkdir', ['-p', installed]);
  run('tar', ['-xzf', filename, '--strip-components=1', '-C', installed]);
  // Its dependencies are those of this clone, seen from where they would be installed.
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  for (const name of ['rxjs', '@types', 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  cpSync(join(root, 'examples/programs'), project, { recursive: true });
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  for (const program of ['operators.js', 'plan.js'])
    process.stdout.write(run(process.execPath, [program, join(installed, 'examples')]));
  process.stdout.write(
    run(process.execPath, [join(installed, 'dist/cli/main.js'), 'check', join(installed, 'examples/arithmetic.yaml')]),
  );
  console.log(`package: ${files.length} files, type-checked and ran`);
} catch (error) {
  console.error(`package: ${error.message}\n${error.stdout ?? ''}`);
  process.exitCode = 1;
} finally {
  rmSync(project, { recursive: true, force: true });
}
