// Reads vitest's JSON report. Prints "passed failed skipped" first, then failed tests and the slowest files in seconds.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const { testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const counts = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
for (const { name, status, message, assertionResults, startTime, endTime } of testResults) {
  const file = relative(process.cwd(), name);
  for (const { status: outcome, fullName, failureMessages } of assertionResults) {
    counts[outcome === 'passed' || outcome === 'failed' ? outcome : 'skipped']++;
    if (outcome === 'failed') lines.push(`FAILED  ${file}: ${fullName}\n${failureMessages.join('\n')}`);
  }
  if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
    counts.failed++;
    lines.push(`FAILED  ${file}\n${message}`);
  }
  lines.push([(endTime - startTime) / 1000, file]);
}
const slowest = lines
  .filter(Array.isArray)
  .sort(([a], [b]) => b - a)
  .slice(0, 15);
console.log(counts.passed, counts.failed, counts.skipped);
for (const line of lines) if (typeof line === 'string') console.log(line);
for (const [seconds, file] of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${file}`);
