// What the package is made of: its bill of materials (CycloneDX), the licences and install scripts in it, and what the
// registry's audit knows of it. Exits with 1 where one of them is not as docs/security.md says.
// node scripts/supply-chain.mjs [FOLDER] [--out SBOM.json] [--no-audit]
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const run = promisify(execFile);

/** Licences that a package which is shipped with this one may have. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'Zlib'];
/** Those of packages that only build and test this one. */
const ALLOWED_TO_DEVELOP = [...ALLOWED, 'MPL-2.0'];
/** Where a package names none of SPDX: what the licence file in it is. */
const BY_ITS_FILE = { 'duck@0.1.12': 'BSD-2-Clause' };
/** Of a finding of the audit. */
const SERIOUS = ['high', 'critical'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, 'no-audit': { type: 'boolean', default: false } },
});
const folder = positionals[0] ?? fileURLToPath(new URL('..', import.meta.url));
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

/** Output of npm in the folder, which for an audit comes with an exit code. */
async function npm(...args) {
  const options = { cwd: folder, maxBuffer: 256 << 20 };
  const { stdout } = await run('npm', args, options).catch((error) => {
    if (typeof error.stdout === 'string' && error.stdout.trim() !== '') return error;
    throw error;
  });
  return JSON.parse(stdout);
}

/** Whether one may choose allowed licences only: `(MIT OR GPL-3.0-or-later)` may be taken as MIT. */
function isAllowed(expression, allowed) {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  const either = () => {
    let holds = both();
    while (tokens[0] === 'OR') {
      tokens.shift();
      holds = both() || holds;
    }
    return holds;
  };
  const both = () => {
    let holds = one();
    while (tokens[0] === 'AND') {
      tokens.shift();
      holds = one() && holds;
    }
    return holds;
  };
  const one = () => {
    const token = tokens.shift();
    if (token !== '(') return allowed.includes(token);
    const holds = either();
    return tokens.shift() === ')' && holds;
  };
  const holds = either();
  return holds && tokens.length === 0;
}

/** What the lock file says of each package, and where it is installed what that package says itself. */
function packages() {
  return Object.entries(read('package-lock.json').packages).flatMap(([path, entry]) => {
    if (path === '' || entry.link) return [];
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const manifest = join(folder, path, 'package.json');
    const { license, licenses } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {};
    const installed = license?.type ?? license ?? licenses?.[0]?.type;
    return [{ ...entry, name, id: `${name}@${entry.version}`, installed }];
  });
}

function licenceProblems(all) {
  return all.flatMap(({ id, dev, license, installed }) => {
    const found = BY_ITS_FILE[id] ?? license ?? 'no licence';
    const allowed = dev ? ALLOWED_TO_DEVELOP : ALLOWED;
    if (!isAllowed(found, allowed)) return [`${id}: licence: found ${found}, expected one of ${allowed.join(', ')}`];
    if (installed === undefined || installed === license) return [];
    return [`${id}: licence: found ${installed} in the package, expected ${license} as in package-lock.json`];
  });
}

/** Install scripts run code of others before anyone has looked at it: each is refused by name. */
function scriptProblems(all) {
  const { allowScripts = {} } = read('package.json');
  const found = [...new Set(all.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name))];
  const refused = Object.keys(allowScripts).filter((name) => allowScripts[name] === false);
  return [
    ...found
      .filter((name) => !refused.includes(name))
      .map((name) => `${name}: has an install script, expected "${name}": false in allowScripts of package.json`),
    ...Object.keys(allowScripts)
      .filter((name) => !found.includes(name) || !refused.includes(name))
      .map((name) => `package.json: allowScripts.${name}: expected false, of a package with an install script`),
  ];
}

/** @returns problems, and what to say without one */
async function audit() {
  const answer = await npm('audit', '--json').catch((error) => ({ error: { summary: error.message.split('\n')[0] } }));
  if (answer.vulnerabilities === undefined) {
    const why = answer.error?.summary || answer.message || answer.error?.detail || 'no reason given';
    return { problems: [], note: `audit: the registry answers none (${why}), so nothing is known of vulnerabilities` };
  }
  const found = Object.values(answer.vulnerabilities);
  const of = ({ name, severity, range }) => `${name} ${range}: ${severity}`;
  const mild = found.filter(({ severity }) => !SERIOUS.includes(severity));
  return {
    problems: found.filter(({ severity }) => SERIOUS.includes(severity)).map((one) => `audit: ${of(one)}`),
    note: `audit: ${found.length === 0 ? 'nothing known' : `${found.length} known`}${mild.length === 0 ? '' : `: ${mild.map(of).join('; ')}`}`,
  };
}

const all = packages();
const sbom = await npm('sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=library');
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(sbom, null, 2)}\n`);
const listed = new Set(sbom.components.map(({ purl }) => decodeURIComponent(purl.slice('pkg:npm/'.length))));
const known = values['no-audit'] ? { problems: [], note: 'audit: not asked' } : await audit();
const problems = [
  ...all.filter(({ id }) => !listed.has(id)).map(({ id }) => `${id}: is missing in the bill of materials`),
  ...all
    .filter(({ integrity }) => integrity === undefined)
    .map(({ id }) => `${id}: package-lock.json has no integrity`),
  ...licenceProblems(all),
  ...scriptProblems(all),
  ...known.problems,
];
const shipped = all.filter(({ dev }) => !dev).length;
console.log(`supply chain: ${listed.size} packages, ${shipped} of them shipped; ${known.note}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
