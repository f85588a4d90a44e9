import type { ComparisonReport } from '../summarize.js';
import { reportTables } from './tables.js';

const escaped = (text: string): string => text.replaceAll('|', '\\|');

/** The comparison as Markdown tables. */
export function markdownReport(comparison: ComparisonReport): string {
  const sections = reportTables(comparison).map(({ title, caption, header, rows }) =>
    [
      `## ${title}`,
      '',
      caption,
      '',
      `| ${header.map(escaped).join(' | ')} |`,
      `|${header.map(() => '---|').join('')}`,
      ...rows.map((row) => `| ${row.map(escaped).join(' | ')} |`),
    ].join('\n'),
  );
  const warnings = comparison.warnings.map((warning) => `**${warning}**`);
  return `# ${comparison.experiment}\n\n${[...warnings, ...sections].join('\n\n')}\n`;
}
