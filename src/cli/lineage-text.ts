import type { SampleLineage } from '../replay/lineage.js';
import { colour, table } from './output.js';
import { signed } from './sample-text.js';

const short = (hash: string): string => hash.slice(0, 8);

/** One sample as a tree of what made it and what it was used for; several as a table. */
export function lineageText(rows: readonly SampleLineage[]): string {
  const [only] = rows;
  return rows.length === 1 && only ? tree(only) : overview(rows);
}

const overview = (rows: readonly SampleLineage[]): string =>
  table(
    ['sample', 'step', 'policy', 'verdict', 'teacher', 'documents', 'weights'],
    rows.map((row) => [
      `${row.promptId}/${row.sampleIndex}`,
      row.step,
      row.policy.version,
      row.verifier.verdict,
      row.teacher?.version ?? '-',
      row.documents.map(({ id, version }) => `${id}@${short(version)}`).join(' ') || '-',
      row.weights?.version ?? '-',
    ]),
  );

function tree(sample: SampleLineage): string {
  const { run, promptId, itemId, sampleIndex, step, seed, promptSource, promptDigest } = sample;
  const { policy, verifier, teacher, documents, shaper, advantage, weights } = sample;
  const branches: (readonly [string, ...string[]])[] = [
    [
      `prompt of item ${itemId}${promptSource === null ? '' : `, from ${promptSource}`}`,
      ...(promptDigest === null ? [] : [`token ids ${short(promptDigest)}, template ${short(policy.template)}`]),
    ],
    [`sampled by version ${policy.version} (${short(policy.digest)}), seed ${seed}`],
    [`judged by ${verifier.name} (${short(verifier.hash)}): ${verifier.verdict}, reward ${verifier.reward}`],
    teacher
      ? [
          'scored by teacher version ' +
            `${teacher.version}${teacher.template === null ? '' : `, template ${short(teacher.template)}`}`,
          ...documents.map(
            ({ id, version, start, end }) => `shown ${id}@${short(version)}, characters ${start} to ${end}`,
          ),
        ]
      : ['not scored by a teacher'],
    [shaper === null || advantage === null ? 'not shaped' : `shaped by ${shaper}: advantage ${signed(advantage)}`],
    [
      weights === null
        ? 'not trained on yet'
        : `trained into version ${weights.version} (${short(weights.digest)}), ` +
          `${weights.onDisk ? 'on disk' : 'no longer on disk'}`,
    ],
    ...tokenBranch(sample),
  ];
  const lines = branches.flatMap(([title, ...leaves], n) => {
    const isLast = n === branches.length - 1;
    const stem = isLast ? '   ' : '│  ';
    return [
      `${isLast ? '└─' : '├─'} ${title}`,
      ...leaves.map((leaf, k) => `${stem}${k === leaves.length - 1 ? '└─' : '├─'} ${leaf}`),
    ];
  });
  return [`${colour.bold(`${promptId}/${sampleIndex}`)} of step ${step}, run ${run}`, ...lines].join('\n');
}

function tokenBranch({ token }: SampleLineage): [string, ...string[]][] {
  if (!token) return [];
  const { index, id, samplingLogprob, teacherLogprob, advantage, trained } = token;
  const number = (value: number | null) => (value === null ? 'none' : signed(value));
  return [
    [
      `token ${index} (id ${id}), ${trained ? 'trained on' : 'not trained on'}`,
      `log-probability ${number(samplingLogprob)}, of the teacher ${number(teacherLogprob)}`,
      `advantage ${number(advantage)}`,
    ],
  ];
}
