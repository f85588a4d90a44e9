import { execFileSync } from 'node:child_process';

/** Worker threads and child processes run compiled modules, which must be those of the sources under test. */
export default function build(): void {
  execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
}
