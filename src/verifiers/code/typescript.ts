import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { asset } from './assets.js';

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.CommonJS,
  esModuleInterop: true,
};

/**
 * TypeScript, or JavaScript with imports, exports or an `await` outside functions, as a script that QuickJS evaluates.
 */
export function transpile(code: string): string {
  const { outputText } = ts.transpileModule(code, { compilerOptions, fileName: 'main.ts' });
  // Rethrow from a timer, so that an error ends the program as it would in a module.
  return awaitsAtTop(outputText)
    ? `(async () => {${outputText}\n})().catch((error) => setTimeout(() => { throw error; }));`
    : outputText;
}

/** A test file as the body of an async function that has `require`. */
export const transpileTests = (code: string): string =>
  ts.transpileModule(code, { compilerOptions, fileName: 'main.ts' }).outputText;

/** Whether JavaScript needs `transpile`. */
export const isModule = (code: string): boolean => /^\s*(import|export)\b|\bimport\(|\bawait\b/m.test(code);

function awaitsAtTop(code: string): boolean {
  if (!/\bawait\b/.test(code)) return false;
  const visit = (node: ts.Node): boolean =>
    ts.isAwaitExpression(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined) ||
    (!ts.isFunctionLike(node) && (ts.forEachChild(node, visit) ?? false));
  return visit(ts.createSourceFile('/main.js', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.JS));
}

const libraries = dirname(createRequire(import.meta.url).resolve('typescript'));
const sources = new Map<string, ts.SourceFile | undefined>();

/** The compiler's diagnostics for one TypeScript file, `line:column TScode: message`. Empty if it compiles. */
export function typeCheck(code: string, options: { readonly strict: boolean }): readonly string[] {
  const files = new Map([
    ['/main.ts', code],
    ['/globals.d.ts', asset('globals.d.ts')],
  ]);
  const host: ts.CompilerHost = {
    // Libraries are parsed once per process. No other file exists.
    getSourceFile: (name, version) => {
      const text = files.get(name);
      if (text !== undefined) return ts.createSourceFile(name, text, version, true);
      if (!sources.has(name)) {
        const content = dirname(name) === libraries ? ts.sys.readFile(name) : undefined;
        sources.set(name, content === undefined ? undefined : ts.createSourceFile(name, content, version, true));
      }
      return sources.get(name);
    },
    fileExists: (name) => files.has(name) || (dirname(name) === libraries && ts.sys.fileExists(name)),
    readFile: (name) => files.get(name),
    getDefaultLibFileName: (given) => join(libraries, ts.getDefaultLibFileName(given)),
    getDefaultLibLocation: () => libraries,
    getCurrentDirectory: () => '/',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    writeFile: () => {},
    directoryExists: () => false,
    getDirectories: () => [],
  };
  const program = ts.createProgram(
    ['/main.ts', '/globals.d.ts'],
    {
      ...compilerOptions,
      lib: ['lib.es2023.d.ts'],
      types: [],
      noEmit: true,
      strict: options.strict,
      skipLibCheck: true,
    },
    host,
  );
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    if (!diagnostic.file || diagnostic.start === undefined) return `TS${diagnostic.code}: ${message}`;
    const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
    return `${line + 1}:${character + 1} TS${diagnostic.code}: ${message}`;
  });
}

/** Names declared at the top of a script, where tests look for them. */
export function topLevelNames(code: string): readonly string[] {
  const file = ts.createSourceFile('/main.js', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.JS);
  const ofBinding = (name: ts.BindingName): string[] =>
    ts.isIdentifier(name)
      ? [name.text]
      : name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : ofBinding(element.name)));
  return file.statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement))
      return statement.name ? [statement.name.text] : [];
    return ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.flatMap((declaration) => ofBinding(declaration.name))
      : [];
  });
}

/** Syntax errors alone, without types. */
export function syntaxErrors(code: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(code, {
    compilerOptions,
    fileName: 'main.ts',
    reportDiagnostics: true,
  });
  return diagnostics.map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}
