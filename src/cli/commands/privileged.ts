import { contextOf, documentHashes, ingestContext } from '../../pipelines/running/context.js';
import { ensureTopics } from '../../pipelines/topic-log.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import { forgetDocument } from '../../runs/inspect/forget-document.js';
import { openRunFolder, withRunFolder } from '../../runs/inspect/run-folder.js';
import { writeManifest } from '../../runs/manifest/manifest.js';
import type { TopicLog } from '../../topics/log.js';
import { examples, jsonOption, type Register } from '../options.js';
import { table as columns, print, say, toJson } from '../output.js';

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

interface Options {
  readonly json?: boolean;
}

/** Ingests the declared sources of a stopped run. */
export async function ingestPrivileged(folder: string, { json }: Options): Promise<void> {
  const { log, plan, manifest } = await openRunFolder(folder, { readOnly: false });
  try {
    await ensureTopics(log, plan.topics);
    const { problems, ...counts } = await ingestContext({
      log,
      table: await privilegedTable(log),
      spec: plan.spec,
      folder: plan.folder,
      run: manifest.run,
      now: Date.now,
    });
    writeManifest(folder, { ...manifest, ...(await documentHashes(plan)) });
    if (json) print(toJson({ event: 'ingested', ...counts, problems }));
    else {
      for (const { code, message } of problems) say(`${code}: ${message}`);
      const { written, chunks, unchanged, deleted } = counts;
      print(
        `${count(written, 'document')} written in ${count(chunks, 'chunk')}, ${unchanged} unchanged, ${deleted} ` +
          'deleted',
      );
      if (contextOf(plan.spec).sources.length === 0) say('the pipeline has no privileged.sources');
    }
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await log.close();
  }
}

/** Lists the documents without any content, or with their titles. */
export async function listPrivileged(
  folder: string,
  { json, showPrivileged = false }: Options & { readonly showPrivileged?: boolean },
): Promise<void> {
  const rows = await withRunFolder(folder, ({ log }) => documentRows(log, showPrivileged));
  if (json) for (const row of rows) print(toJson(row));
  else {
    const cells = rows.map((row) => [
      row.id,
      row.state,
      row.kind ?? '-',
      row.label ?? '-',
      row.version?.slice(0, 12) ?? '-',
      row.versions,
      row.chunks,
      row.time,
      ...(showPrivileged ? [row.title ?? '-'] : []),
    ]);
    const names = ['id', 'state', 'kind', 'label', 'version', 'versions', 'chunks', 'time'];
    print(columns(showPrivileged ? [...names, 'title'] : names, cells));
  }
}

async function documentRows(log: TopicLog, showPrivileged: boolean) {
  const table = await privilegedTable(log);
  const rows = [];
  for await (const { id, current, versions, forgotten, updatedAt } of table.documents())
    rows.push({
      id,
      state: current ? 'current' : forgotten.length > 0 ? 'forgotten' : 'deleted',
      kind: current?.kind ?? null,
      label: current?.label ?? null,
      version: current?.version ?? forgotten.at(-1) ?? null,
      versions: versions.length,
      chunks: current?.spans.length ?? 0,
      time: new Date(updatedAt).toISOString(),
      ...(showPrivileged && { title: current?.title ?? null }),
    });
  rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  return rows;
}

/** Removes a document's text from a stopped run. Its id, hashes and uses stay on record. */
export async function forgetPrivileged(folder: string, id: string, { json }: Options): Promise<void> {
  const forgotten = await forgetDocument(folder, id);
  const { removed, versions, steps, samples } = forgotten;
  if (json) print(toJson({ event: 'forgotten', ...forgotten }));
  else {
    print(
      `${id}: removed the text of ${count(removed, 'record')}; ` +
        `${count(versions.length, 'version hash', 'version hashes')} kept`,
    );
    print(
      `${count(samples, 'sample')} of ${count(steps.length, 'step')} ${samples === 1 ? 'was' : 'were'} scored with it`,
    );
  }
}

export const registerPrivileged: Register = (rlsd) => {
  const privileged = rlsd.command('privileged').description('manage the privileged documents of a run');
  privileged
    .command('ingest <run>')
    .description('read the declared sources into the run')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd privileged ingest runs/a', 'after documents have changed']))
    .action(ingestPrivileged);
  privileged
    .command('list <run>')
    .description('list ids, versions and labels, without content')
    .option('--show-privileged', 'show titles as well')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd privileged list runs/a'], ['rlsd privileged list runs/a --show-privileged']))
    .action(listPrivileged);
  privileged
    .command('forget <run> <id>')
    .description('remove the text of a document; its hashes and its uses stay on record')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd privileged forget runs/a manuals/pump.md']))
    .action(forgetPrivileged);
};
