// Fails when a file, a function or a folder of src/ has outgrown its limit.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const limits = { function: 80, file: 300, folder: 16 };
const generated = ['src/records/records.ts'];
/**
 * Programs for other processes: each is one function, so that its text can be sent there; the functions inside it
 * count.
 */
const programs = 'src/verifiers/code/assets/';

/** Every file, function and folder below `folder` that is over its limit, one message each. */
export function oversized(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const sources = entries.filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name));
  return [
    ...over(nameOf(folder), sources.length, limits.folder, 'files'),
    ...sources.flatMap(({ name }) => oversizedIn(join(folder, name))),
    ...entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => oversized(join(folder, name))),
  ];
}

function oversizedIn(path) {
  const name = nameOf(path);
  if (generated.includes(name)) return [];
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const problems = over(name, lineOf(source.getEnd()) - 1, limits.file, 'lines');
  const visit = (node) => {
    const isProgram = name.startsWith(programs) && node.parent === source;
    if (ts.isFunctionLike(node) && node.body && !isProgram) {
      const from = lineOf(node.getStart(source));
      const lines = lineOf(node.getEnd()) - from + 1;
      problems.push(...over(`${name}:${from} ${functionName(node)}`, lines, limits.function, 'lines'));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return problems;
}

function functionName({ name, parent }) {
  if (name) return name.getText();
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : '(anonymous)';
}

const nameOf = (path) => relative(root, path).replaceAll('\\', '/');

const over = (what, size, limit, unit) => (size > limit ? [`${what}: ${size} ${unit}, expected at most ${limit}`] : []);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = oversized(join(root, 'src'));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
