// Writes what follows from the specs and the registries: schemas/pipeline.schema.json, schemas/supervise.schema.json,
// and tables in docs/pipeline.md, docs/supervise.md, docs/algorithms.md, docs/verifiers.md, docs/operators.md and
// docs/metrics.md.
// It reads dist/, so build first.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFigures } from './figure-table.mjs';
import { withLosses } from './loss-table.mjs';
import { withMethods } from './method-table.mjs';
import { fields, table } from './schema-fields.mjs';
import { withTransforms } from './transform-table.mjs';
import { withVerifiers } from './verifier-table.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [begin, end] = ['<!-- fields: `npm run records` -->', '<!-- end of fields -->'];

/** The text of the JSON Schema file. */
export function schemaFile(schema) {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The page with its table of fields updated. */
export function withFields(page, schema) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected the lines ${begin} and ${end}`);
  const rows = fields(schema).map(({ path, type, otherwise, description }) => [
    `\`${path}\``,
    type,
    otherwise,
    description,
  ]);
  return `${page.slice(0, from + begin.length)}\n\n${table(['field', 'takes', 'default', 'meaning'], rows)}\n\n${page.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { pipelineJsonSchema } = await import('../../dist/pipelines/spec/spec.js');
  const { superviseJsonSchema } = await import('../../dist/supervise/spec.js');
  for (const [name, schema] of Object.entries({ pipeline: pipelineJsonSchema(), supervise: superviseJsonSchema() })) {
    writeFileSync(join(root, `schemas/${name}.schema.json`), schemaFile(schema));
    const page = join(root, `docs/${name}.md`);
    writeFileSync(page, withFields(readFileSync(page, 'utf8'), schema));
  }
  const { methods } = await import('../../dist/methods/index.js');
  const algorithms = join(root, 'docs/algorithms.md');
  const { lossDefinitions } = await import('../../dist/losses/registry.js');
  writeFileSync(algorithms, withLosses(withMethods(readFileSync(algorithms, 'utf8'), methods), lossDefinitions));
  const { moduleKind, verifierKinds } = await import('../../dist/verifiers/registry.js');
  const verifiers = join(root, 'docs/verifiers.md');
  writeFileSync(verifiers, withVerifiers(readFileSync(verifiers, 'utf8'), [...verifierKinds, moduleKind]));
  const { transforms } = await import('../../dist/transforms/registry.js');
  const operators = join(root, 'docs/operators.md');
  writeFileSync(operators, withTransforms(readFileSync(operators, 'utf8'), transforms));
  const metrics = join(root, 'docs/metrics.md');
  writeFileSync(
    metrics,
    withFigures(readFileSync(metrics, 'utf8'), await import('../../dist/pipelines/running/figures.js')),
  );
}
