import { lineageOf, type SampleLineage } from '../replay/lineage.js';
import { openRunFolder } from '../runs/open-run.js';
import { UserError } from '../support/errors.js';
import { print, table, toJson } from './output.js';

interface Options {
  readonly sample?: string;
  readonly token?: number;
  readonly document?: string;
  readonly step?: number;
  readonly json?: boolean;
}

export async function lineage(folder: string, { json, ...query }: Options): Promise<void> {
  const asked = [query.sample, query.document, query.step].filter((one) => one !== undefined);
  if (asked.length !== 1)
    throw new UserError('bad-request', 'lineage: expected one of --sample PROMPT/INDEX, --document ID and --step N');
  if (query.token !== undefined && !/\/\d+$/.test(query.sample ?? ''))
    throw new UserError('bad-request', '--token: is of one sample; expected --sample PROMPT/INDEX with it');
  const run = await openRunFolder(folder);
  try {
    const rows = await lineageOf(run, folder, query);
    if (json) for (const row of rows) print(toJson({ event: 'lineage', ...row }));
    else print(text(rows));
  } finally {
    await run.log.close();
  }
}

function text(rows: readonly SampleLineage[]): string {
  const [only] = rows;
  if (rows.length > 1 || !only)
    return table(
      ['sample', 'step', 'policy', 'verdict', 'teacher', 'documents', 'weights'],
      rows.map((row) => [
        `${row.promptId}/${row.sampleIndex}`,
        row.step,
        row.policy.version,
        row.verifier.verdict,
        row.teacher?.version ?? '-',
        row.documents.map(({ id, version }) => `${id}@${version.slice(0, 8)}`).join(' ') || '-',
        row.weights?.version ?? '-',
      ]),
    );
  return Object.entries(only)
    .map(([field, value]) => `${field.padEnd(13)}${typeof value === 'object' ? toJson(value) : String(value)}`)
    .join('\n');
}
